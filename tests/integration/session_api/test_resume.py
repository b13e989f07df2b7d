"""Resuming a waiting run over HTTP: one command, only for the waiting, only for its tenant."""

import json
from datetime import UTC, datetime

import pytest

from onboarding_shared.contracts.task_runner import RunProgressed
from onboarding_shared.contracts.types import RunState
from tests.integration.session_api.service import TENANT, Api

RUNS = f"/tenants/{TENANT}/onboarding/runs"
LATER = datetime(2099, 11, 24, 9, 5, tzinfo=UTC)


async def waiting(api: Api) -> int:
    """A run that waits for consent."""
    run_id = int((await api.start("license.inventory")).json()["run_id"])
    await api.begin(run_id, "license.inventory")
    await api.consume(
        RunProgressed(
            tenant_id=TENANT,
            run_id=run_id,
            task_type="license.inventory",
            attempt=1,
            state=RunState.WAITING,
            reason_code="CONSENT_MISSING",
            resume_at=LATER,
        )
    )
    return run_id


async def test_a_waiting_run_is_resumed_by_one_command(api: Api) -> None:
    run_id = await waiting(api)
    answer = await api.caller(8).post(f"{RUNS}/{run_id}/resume")

    body = answer.json()
    assert answer.status_code == 202
    assert (body["id"], body["state"], body["waiting"]["reason_code"]) == (run_id, "waiting", "CONSENT_MISSING")
    assert body["waiting"]["resume_at"] < "2099"
    assert await api.outbox_messages() == [("StartTask", TENANT), ("ResumeTask", TENANT)]
    (command,) = await api.rows("SELECT data FROM outbox WHERE event_type LIKE '%ResumeTask%'")
    message = json.loads(bytes(command[0]))
    assert (message["run_id"], message["requested_by"]) == (run_id, 8)
    assert message["requested_at"] == body["waiting"]["resume_at"]


async def test_resuming_again_is_accepted_again(api: Api) -> None:
    run_id = await waiting(api)
    answers = [await api.caller().post(f"{RUNS}/{run_id}/resume") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]


async def test_a_queued_run_cannot_be_resumed(api: Api) -> None:
    run_id = (await api.start("license.inventory")).json()["run_id"]
    answer = await api.caller().post(f"{RUNS}/{run_id}/resume")

    body = answer.json()
    assert (answer.status_code, body["code"], body["state"]) == (409, "RUN_NOT_WAITING", "queued")
    assert "start the task again" in body["next"]
    assert await api.outbox_messages() == [("StartTask", TENANT)]


@pytest.mark.parametrize("ending", ["succeeded", "cancelling"])
async def test_a_run_that_ends_cannot_be_resumed(api: Api, ending: str) -> None:
    run_id = await waiting(api)
    if ending == "succeeded":
        await api.finish(run_id, "license.inventory", "ok")
    else:
        await api.caller().post(f"{RUNS}/{run_id}/cancel")
    answer = await api.caller().post(f"{RUNS}/{run_id}/resume")

    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "RUN_NOT_WAITING", ending)


async def test_resuming_an_unknown_run_is_not_found(api: Api) -> None:
    answer = await api.caller().post(f"{RUNS}/999/resume")

    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")


async def test_the_run_of_another_tenant_cannot_be_resumed(api: Api) -> None:
    run_id = await waiting(api)
    answer = await api.caller(7, tenants=[43]).post(f"/tenants/43/onboarding/runs/{run_id}/resume")

    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")
    assert await api.outbox_messages() == [("StartTask", TENANT)]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], False),
        (["ok"], True),
        (["warn"], True),
        (["fail"], False),
        (["ok", "fail"], False),
        (["fail", "ok"], True),
        (["ok", "unknown"], True),
    ],
)
async def test_a_start_says_whether_the_task_was_ok_before(api: Api, statuses: list[str], expected: bool) -> None:
    for status in statuses:
        await api.run_to_end("license.inventory", status)
    await api.run_to_end("graph.connectivity", "ok" if not expected else "fail")
    run_id = (await api.start("license.inventory")).json()["run_id"]

    commands = [json.loads(bytes(row[0])) for row in await api.rows("SELECT data FROM outbox ORDER BY id")]
    assert [command["previously_ok"] for command in commands if command.get("run_id") == run_id] == [expected]
