"""Subscribers in other languages: their engines read the schemas of the messages, and one follows a run on Kafka."""

import asyncio
import re
import shutil
from pathlib import Path

import httpx2
import pytest

from tests.clients.conftest import Run
from tests.support.system import System

pytestmark = [pytest.mark.system, pytest.mark.network, pytest.mark.timeout(600)]

SUBSCRIBERS = Path(__file__).parent / "subscribers"
AJV = ("ajv@8.20.0", "ajv-formats@3.0.1")
KAFKAJS = "kafkajs@2.2.4"
GO_SCHEMAS = "github.com/santhosh-tekuri/jsonschema/v6@v6.0.2"
MESSAGES = "33"


@pytest.fixture
def described(folder: Path, system: System) -> Path:
    """The empty folder with the AsyncAPI document of the running session-api, too."""
    answer = httpx2.get(f"{system.journal['session_api']}/asyncapi.json", trust_env=False, timeout=30)
    (folder / "asyncapi.json").write_bytes(answer.raise_for_status().content)
    return folder


def install(run: Run, npm: str, *packages: str) -> None:
    run(npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages)


def test_ajv_compiles_every_schema_strictly(described: Path, run: Run, npm: str) -> None:
    shutil.copy(SUBSCRIBERS / "schemas.mjs", described)
    install(run, npm, *AJV)
    assert run("node", "schemas.mjs").split() == [MESSAGES]


def test_go_compiles_every_schema_with_re2(described: Path, run: Run) -> None:
    if shutil.which("go") is None:
        pytest.skip("go is not on PATH")
    shutil.copy(SUBSCRIBERS / "schemas.go", described / "main.go")
    run("go", "mod", "init", "subscriber")
    run("go", "get", GO_SCHEMAS)
    assert run("go", "run", ".").split() == [MESSAGES]


async def test_a_subscriber_in_javascript_follows_a_run(folder: Path, run: Run, npm: str, system: System) -> None:
    shutil.copy(SUBSCRIBERS / "subscribe.mjs", folder)
    install(run, npm, KAFKAJS)
    async with system.caller() as caller:
        await caller.connect("healthy")
        run_id = await caller.start("graph.connectivity")
        told = await asyncio.to_thread(
            run, "node", "subscribe.mjs", system.journal["kafka"], str(caller.tenant), str(run_id)
        )
    lines = told.splitlines()
    assert re.fullmatch(rf"\d+ org\.onboarding\.RunFinished\.v1 {run_id} succeeded", lines[-1])
    assert [line.split()[0] for line in lines] == [str(number) for number in range(1, len(lines) + 1)]
