"""The command ``session-api bindings``, as an operator runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onboarding_shared.contracts.audit import TenantBindingRemoved, TenantBindingSet
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.process.message_settings import CommandKeySettings
from tests.integration.session_api.consent_harness import sent
from tests.integration.session_api.service import CATALOGUE, TENANT, Api, connection_body

CONTOSO, FABRIKAM = "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3302"
PARTNER = "bbbbbbbb-0000-4000-8000-000000000002"
CLIENT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
AUDIT = "onboarding.audit.session-api.v1"
COMMAND_SECRET = "c" * 32
OPERATOR = ("--user", "9")
Command = Callable[..., subprocess.CompletedProcess[str]]


def binding(external_tenant_id: str = CONTOSO, tenant: int = TENANT, **more: Any) -> dict[str, Any]:
    base = {"tenant_id": tenant, "external_tenant_id": external_tenant_id, "cloud": "public"}
    return {**base, "client_id": CLIENT, "credential": "graph-main", **more}


def given(entry: dict[str, Any]) -> list[str]:
    options = {
        "--tenant": entry["tenant_id"],
        "--microsoft-tenant": entry["external_tenant_id"],
        "--client-id": entry["client_id"],
        "--credential": entry["credential"],
    }
    return [str(part) for option in options.items() for part in option]


@pytest.fixture
def bindings(api: Api) -> Command:
    """Runs the command in a pipe, with the settings of the operator."""

    def run(*arguments: str, url: str = api.settings.database.url) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DATABASE_URL": url, "ONBOARDING_PARTNER_TENANT_ID": PARTNER}
        environment["ONBOARDING_COMMAND_SECRETS"] = COMMAND_SECRET
        line = [sys.executable, "-m", "session_api", "bindings", *arguments]
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def without_time(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "set_at"} for row in listed]


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(*entries: dict[str, Any]) -> str:
        path = tmp_path / "bindings.json"
        path.write_text(json.dumps(entries))
        return str(path)

    return write


async def test_what_is_set_is_listed_until_it_is_removed(bindings: Command) -> None:
    stored = {**binding(), "set_by_user_id": 9}

    assert without_time(rows(bindings("set", *given(binding()), *OPERATOR))) == [stored]
    assert without_time(rows(bindings("list"))) == [stored]
    assert rows(bindings("list", "--tenant", "43")) == []
    target = ("remove", "--microsoft-tenant", CONTOSO.upper(), *OPERATOR)
    assert [rows(bindings(*target))[0]["removed"] for _ in range(2)] == [True, False]
    assert rows(bindings("list")) == []


async def test_a_file_is_the_truth_and_applies_once(bindings: Command, file: Callable[..., str]) -> None:
    rows(bindings("apply", file(binding(), binding(FABRIKAM)), *OPERATOR))
    changed = file(binding(credential="graph-new"), binding("3f2504e0-4f89-41d3-9a0c-0305e82c3303", 43))

    planned = rows(bindings("apply", changed, "--dry-run", *OPERATOR))
    assert len(rows(bindings("list"))) == 2
    done = rows(bindings("apply", changed, *OPERATOR))
    again = bindings("apply", changed, *OPERATOR)

    assert [(row["change"], row["external_tenant_id"][-1], row.get("before")) for row in done] == [
        ("remove", "2", None),
        ("change", "1", {"credential": "graph-main"}),
        ("add", "3", None),
    ]
    assert planned == [{**row, "outcome": "planned"} for row in done]
    assert (rows(again), again.stderr) == ([], "session-api: remove 0, change 0, add 0, unchanged 2\n")


async def test_a_command_leaves_the_audit_events_of_the_api(
    api: Api, bindings: Command, file: Callable[..., str]
) -> None:
    operator = api.caller(9, tenants=[], permissions=["onboarding.platform"])
    body = {"tenant_id": TENANT, "client_id": CLIENT, "credential": "graph-main"}
    await operator.put(f"/onboarding/tenant-bindings/public/{CONTOSO}", json=body)
    await operator.delete(f"/onboarding/tenant-bindings/public/{CONTOSO}")
    over_http = await events(api)

    rows(bindings("set", *given(binding()), *OPERATOR))
    rows(bindings("apply", file(), *OPERATOR))

    assert (await events(api))[2:] == over_http
    assert [type(event) for event in await sent(api, AUDIT)] == [TenantBindingSet, TenantBindingRemoved] * 2


async def events(api: Api) -> list[dict[str, Any]]:
    """The audit events without their time."""
    return [
        {name: getattr(event, name) for name in event.__struct_fields__ if name != "occurred_at"}
        for event in await sent(api, AUDIT)
    ]


async def test_a_binding_in_use_is_refused_and_the_others_set(
    api: Api, bindings: Command, file: Callable[..., str]
) -> None:
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    rows(bindings("set", *given(binding()), *OPERATOR))
    await api.caller().post(f"/tenants/{TENANT}/onboarding/provider-connections", json=connection_body())
    assert (await api.start("graph.connectivity")).status_code == 201

    done = bindings("apply", file(binding(tenant=43), binding(FABRIKAM, 43)), *OPERATOR)

    assert done.returncode == 1
    outcomes = {row["external_tenant_id"]: row["outcome"] for row in map(json.loads, done.stdout.splitlines())}
    assert outcomes == {CONTOSO: "refused", FABRIKAM: "done"}
    assert f"active runs on the Microsoft tenant public/{CONTOSO}" in done.stderr
    assert "session-api: next: remove its binding" in done.stderr


async def test_cancellations_of_the_command_carry_the_code_of_their_run(api: Api, bindings: Command) -> None:
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    rows(bindings("set", *given(binding()), *OPERATOR))
    await api.caller().post(f"/tenants/{TENANT}/onboarding/provider-connections", json=connection_body())
    run = (await api.start("graph.connectivity")).json()["run_id"]

    rows(bindings("remove", "--microsoft-tenant", CONTOSO, *OPERATOR))

    codes = await api.rows("SELECT mac_key FROM outbox WHERE event_type LIKE '%CancelTask%'")
    assert codes == [(CommandKeySettings(secrets=(COMMAND_SECRET,)).keys.key_of(TENANT, run),)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[", "is not a list of tenant bindings"),
        (json.dumps([binding(PARTNER.upper())]), "entry 1: the Microsoft tenant is the partner's own"),
        (json.dumps([binding(), binding()]), "entry 2: this Microsoft tenant is bound by an earlier entry"),
        (json.dumps([binding(credential="env:GRAPH_SECRET")]), "entry 1: credential_ref is the name of a credential"),
    ],
)
async def test_a_file_that_breaks_a_rule_changes_nothing(
    bindings: Command, tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "bindings.json"
    path.write_text(text)
    done = bindings("apply", str(path), *OPERATOR)

    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr
    assert "session-api: next: " in done.stderr
    assert rows(bindings("list")) == []


async def test_the_partners_own_tenant_cannot_be_set(bindings: Command) -> None:
    done = bindings("set", *given(binding(PARTNER)), *OPERATOR)

    assert (done.returncode, done.stdout) == (1, "")
    assert "the partner's own" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["set", *given(binding("contoso.com")), *OPERATOR], "--microsoft-tenant: must be a GUID"),
        (["set", *given(binding())], "--user"),
        (["set", *given(binding(tenant=0)), *OPERATOR], "--tenant: must be between 1 and 9223372036854775807"),
        (["apply", *OPERATOR], "FILE"),
    ],
)
async def test_a_wrong_command_line_ends_with_two(bindings: Command, arguments: list[str], problem: str) -> None:
    done = bindings(*arguments)

    assert done.returncode == 2
    assert problem in done.stderr


async def test_a_missing_file_or_database_names_the_next_step(bindings: Command) -> None:
    unread = bindings("apply", "/nowhere/bindings.json", *OPERATOR)
    unreached = bindings("list", url="postgresql://nobody:nothing@127.0.0.1:9/nothing")

    assert (unread.returncode, unreached.returncode) == (1, 1)
    assert "/nowhere/bindings.json cannot be read: No such file or directory" in unread.stderr
    assert "the database cannot be used" in unreached.stderr
    assert "next: check DATABASE_URL" in unreached.stderr
    assert "Traceback" not in unread.stderr + unreached.stderr
