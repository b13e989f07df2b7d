"""The commands of operators on the whole system, by its data folder and by address and token."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_COMMANDS
from tests.support.caller import Caller
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


async def onboarding(system: System, *arguments: str, environment: Mapping[str, str] | None = None) -> Any:
    """The exit code of a command, its rows, and what it says on standard error."""
    line = [sys.executable, "-m", "onboarding_devstack.cli", *arguments, "--data", str(system.folder)]
    process = await asyncio.create_subprocess_exec(
        *line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | (environment or {}),
    )
    output, errors = await process.communicate()
    lines = output.decode().splitlines() if "doctor" not in arguments else [output.decode()]
    return process.returncode, [json.loads(line) for line in lines], errors.decode()


async def ended_run(caller: Caller) -> int:
    """A run that has ended, with its evidence."""
    await caller.connect()
    run_id = await caller.start("graph.connectivity")
    await caller.evidence(run_id)
    return run_id


async def test_an_ended_run_is_listed_shown_and_retried(system: System) -> None:
    async with system.caller() as caller:
        run_id = await ended_run(caller)
        tenant = str(caller.tenant)

        code, runs, _ = await onboarding(system, "runs", "list", "--tenant", tenant)
        assert (code, [run["id"] for run in runs]) == (0, [run_id])

        name = f"{tenant}/{run_id}"
        assert (await onboarding(system, "runs", "show", name))[1][0]["id"] == run_id
        code, [outcome], _ = await onboarding(system, "runs", "retry", name)
        assert (code, outcome["error"]) == (0, None)
        assert outcome["new_run_id"] > run_id

        code, [refused], errors = await onboarding(system, "runs", "cancel", name)
        assert (code, refused["error"]["code"]) == (1, "RUN_ENDED")
        assert "1 of 1 refused" in errors


async def test_a_session_is_taken_from_its_editor_and_assigned(system: System) -> None:
    async with system.caller() as caller:
        session = (await caller.post("/session")).json()
        name = f"{caller.tenant}/{session['id']}"

        _, locks, _ = await onboarding(system, "locks", "list", "--all", "--user", "7")
        assert name in [f"{lock['tenant_id']}/{lock['session_id']}" for lock in locks]

        code, _, errors = await onboarding(system, "sessions", "assign", name, "--user", "9")
        assert (code, "409 EDIT_LOCKED" in errors) == (4, True)
        code, [assigned], _ = await onboarding(system, "sessions", "assign", name, "--user", "9", "--takeover")
        assert (code, assigned["assigned_to_user_id"], assigned["locked_by_user_id"]) == (0, 9, None)

        _, history, _ = await onboarding(system, "sessions", "history", name)
        assert {entry["by_user_id"] for entry in history} == {1, 7}


async def test_the_evidence_of_a_tenant_is_listed_and_verified(system: System) -> None:
    async with system.caller() as caller:
        run_id = await ended_run(caller)
        tenant = str(caller.tenant)

        code, [item], _ = await onboarding(system, "evidence", "list", "--tenant", tenant, "--run", str(run_id))
        assert (code, item["operation_run_id"]) == (0, run_id)
        code, [verdict], _ = await onboarding(system, "evidence", "verify", tenant)
        assert (code, verdict["verified"], verdict["length"]) == (0, True, 1)


async def test_a_callers_token_limits_a_command(system: System) -> None:
    tenant = system.new_tenant()
    limited = {
        "ONBOARDING_ADDRESS": system.journal["session_api"],
        "ONBOARDING_TOKEN": system.token(7, [tenant], ["onboarding.read"]),
    }

    assert (await onboarding(system, "runs", "list", "--tenant", str(tenant), environment=limited))[0] == 0
    code, _, errors = await onboarding(system, "runs", "list", "--tenant", "999999", environment=limited)
    assert (code, "404 TENANT_NOT_FOUND" in errors) == (1, True)
    code, _, errors = await onboarding(system, "dlq", "groups", environment=limited)
    assert (code, "onboarding.platform" in errors) == (4, True)


async def test_doctor_examines_a_deployment_by_address(system: System) -> None:
    operator = {
        "ONBOARDING_ADDRESS": system.journal["session_api"],
        "ONBOARDING_TOKEN": system.token(1, [], ["onboarding.platform"]),
    }

    _, [findings], _ = await onboarding(system, "doctor", "--json", environment=operator)
    known = {finding["name"].split()[0]: finding["finding"] for finding in findings}
    assert {"session-api", "task-runner", "evidence-store", "dead", "messages", "runs"} <= set(known)
    assert known["clock"].startswith("that of the deployment is")


async def spoil(system: System, *topics: str) -> None:
    """Publish a record that nobody can read."""
    async with AIOKafkaProducer(bootstrap_servers=system.journal["kafka"]) as producer:
        for topic in topics:
            await producer.send_and_wait(topic, b"spoilt", key=b"1")


async def test_dead_letters_of_all_services_are_grouped_and_discarded(system: System) -> None:
    await spoil(system, OPERATION_RUNS.name, TASK_COMMANDS.name)
    expected = {
        ("session-api", OPERATION_RUNS.name),
        ("evidence-store", OPERATION_RUNS.name),
        ("task-runner", TASK_COMMANDS.name),
    }

    async def look() -> list[dict[str, Any]] | None:
        _, groups, _ = await onboarding(system, "dlq", "groups")
        own = [group for group in groups if group["reason_code"] == "NOT_A_CLOUDEVENT"]
        return own if {(group["service"], group["source_topic"]) for group in own} >= expected else None

    for group in await eventually(look, seconds=30.0, every=0.2):
        name = f"{group['service']}/{group['example_id']}"
        _, [letter], _ = await onboarding(system, "dlq", "show", name)
        assert (letter["service"], letter["value"]) == (group["service"], {"text": "spoilt", "base64": None})
        cause = ("--service", group["service"], "--topic", group["source_topic"], "--reason", group["reason_code"])
        code, [sums], _ = await onboarding(system, "dlq", "discard", *cause, "--yes")
        assert (code, sums["discarded"], sums["remaining"]) == (0, group["count"], 0)


async def test_an_unknown_dead_letter_of_a_runner_is_named(system: System) -> None:
    code, _, errors = await onboarding(system, "dlq", "show", "task-runner/999999")
    assert (code, "there is no dead letter 999999" in errors) == (1, True)
