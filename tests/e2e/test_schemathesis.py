"""schemathesis over the running system, all checks.

The contract has no word about errors besides one 409: it documents 200 and 201 only, calls every integer a tenant, and
says nothing of tokens. schemathesis reports each 4xx that is not documented, so no API with tenants and tokens can pass
the file as it is with data made up freely. Two runs, each with all checks on, cover the whole together:

* The contract plus its own ``ErrorResponse`` as the answer to everything else, and ``additionalProperties: false`` for
  the one request body, since unknown members are refused. Data is made up freely, valid and invalid,
  but most tenants, sessions and task types are such as there are, to get further than a 404.
* The contract as it is, with data for which it documents the answer: a tenant of the token, the session that is open,
  a task type that is there, and changes that an open session allows (the hooks). Query parameters that it does not
  know are left out, since they are refused. Invalid data is left to the other run.

The contract calls a text with NUL valid, and no database takes it: it is refused (test_bad_input), not made up here.
"""

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.contract import CONTRACT
from tests.support.system import System

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

SECONDS = 150
SEED = 20261124
HOOKS = Path(__file__).parent / "schemathesis_hooks.py"
FILE = Path(sys.modules["session_api"].__path__[0]) / "contract" / "openapi.yaml"


def with_errors(contract: dict[str, Any]) -> dict[str, Any]:
    """The contract with its error shape as the answer to whatever else happens."""
    whole = deepcopy(contract)
    schema = {"$ref": "#/components/schemas/ErrorResponse"}
    problem = {"description": "Refused", "content": {"application/json": {"schema": schema}}}
    for item in whole["paths"].values():
        for operation in item.values():
            operation["responses"]["default"] = problem
    whole["components"]["schemas"]["UpdateOnboardingSessionRequest"]["additionalProperties"] = False
    return whole


def schemathesis(folder: Path, contract: Path, url: str, token: str, *more: str, config: str) -> None:
    """Run it with all checks; its report is the failure's text."""
    (folder / "schemathesis.toml").write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", str(contract)]
    options = ["--url", url, "--header", f"Authorization: Bearer {token}", "--checks", "all", "--no-color"]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    ended = subprocess.run(
        [*command, *options, *more],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    print(ended.stdout[-700:])


async def test_any_request_is_answered_by_contract_or_error_schema(system: System, tmp_path: Path) -> None:
    contract = tmp_path / "contract.yaml"
    contract.write_text(yaml.safe_dump(with_errors(CONTRACT)), encoding="utf-8")
    async with system.caller() as caller:
        session = (await caller.post("/session")).json()["id"]
        await caller.connect("healthy")
    config = f"""
seed = {SEED}
continue-on-failure = true
[generation]
max-examples = 60
deterministic = true
allow-x00 = false
[dictionaries.tenants]
values = [{caller.tenant}]
[dictionaries.sessions]
values = [{session}]
[dictionaries.task_types]
values = ["graph.connectivity", "license.inventory", "app.consent"]
[parameters]
"path.tenantId" = {{ dictionary = "tenants", probability = 0.8 }}
"path.sessionId" = {{ dictionary = "sessions", probability = 0.8 }}
"path.taskType" = {{ dictionary = "task_types", probability = 0.8 }}
"""

    schemathesis(tmp_path, contract, system.journal["session_api"], caller.token, config=config)


async def test_valid_requests_are_answered_as_the_contract_documents(system: System, tmp_path: Path) -> None:
    async with system.caller() as caller:
        session = (await caller.post("/session")).json()["id"]
        await caller.connect("healthy")
    config = f"""
seed = {SEED}
continue-on-failure = true
hooks = {json.dumps(str(HOOKS))}
[generation]
max-examples = 30
deterministic = true
allow-x00 = false
allow-extra-parameters = false
[parameters]
"path.tenantId" = {caller.tenant}
"path.sessionId" = {session}
"path.taskType" = "graph.connectivity"
"""

    schemathesis(tmp_path, FILE, system.journal["session_api"], caller.token, "--mode", "positive", config=config)
