"""Runs over HTTP: how one goes, lists with filters and pages, cancellation."""

from datetime import UTC, datetime

from onboarding_shared.contracts.task_runner import Progress, RunProgressed
from onboarding_shared.contracts.types import RunState
from tests.integration.session_api.service import TENANT, Api

RUNS = f"/tenants/{TENANT}/onboarding/runs"


async def started(api: Api, task_type: str = "license.inventory") -> int:
    return int((await api.start(task_type)).json()["run_id"])


async def test_a_run_shows_everything_that_is_known_of_it(api: Api) -> None:
    run_id = await started(api)
    answer = await api.caller().get(f"{RUNS}/{run_id}")

    body = answer.json()
    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": run_id,
        "tenant_id": TENANT,
        "task_type": "license.inventory",
        "state": "queued",
        "attempt": 0,
        "progress": None,
        "waiting": None,
        "result": None,
        "onboarding_session_id": None,
        "provider_connection_id": None,
        "requested_by_user_id": 7,
        "cancel_requested_by_user_id": None,
        "retry_of_run_id": None,
        "inputs": None,
        "dry_run": False,
        "started_at": None,
        "finished_at": None,
        "cancel_requested_at": None,
        "url": f"{RUNS}/{run_id}",
    }


async def test_progress_and_attempt_show_while_it_runs(api: Api) -> None:
    run_id = await started(api)
    await api.begin(run_id, "license.inventory")
    await api.consume(
        RunProgressed(
            tenant_id=TENANT,
            run_id=run_id,
            task_type="license.inventory",
            attempt=1,
            state=RunState.RUNNING,
            progress=Progress(done=3, total=8, message="Reading"),
        )
    )
    body = (await api.caller().get(f"{RUNS}/{run_id}")).json()

    assert (body["state"], body["attempt"], body["started_at"]) == ("running", 1, "2026-11-24T09:00:00Z")
    assert body["progress"] == {"done": 3, "total": 8, "message": "Reading"}


async def test_a_waiting_run_shows_its_reason_and_resume_time(api: Api) -> None:
    run_id = await started(api)
    await api.begin(run_id, "license.inventory")
    await api.consume(
        RunProgressed(
            tenant_id=TENANT,
            run_id=run_id,
            task_type="license.inventory",
            attempt=1,
            state=RunState.WAITING,
            reason_code="THROTTLED",
            resume_at=datetime(2026, 11, 24, 9, 5, tzinfo=UTC),
            message="Microsoft Graph throttles.",
        )
    )
    body = (await api.caller().get(f"{RUNS}/{run_id}")).json()

    assert body["state"] == "waiting"
    assert body["waiting"] == {
        "reason_code": "THROTTLED",
        "message": "Microsoft Graph throttles.",
        "resume_at": "2026-11-24T09:05:00Z",
    }
    assert body["result"] is None


async def test_an_ended_run_shows_its_result(api: Api) -> None:
    run_id = await started(api)
    await api.finish(run_id, "license.inventory", "warn", reason_code="FEW_SEATS")
    body = (await api.caller().get(f"{RUNS}/{run_id}")).json()

    assert body["state"] == "succeeded"
    assert body["result"] == {
        "status": "warn",
        "reason_code": "FEW_SEATS",
        "message": "license.inventory is warn",
        "remediation": None,
    }
    assert body["finished_at"].endswith("Z")


async def test_an_unknown_run_is_not_found(api: Api) -> None:
    answer = await api.caller().get(f"{RUNS}/999")

    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")


async def test_the_run_of_another_tenant_is_not_found(api: Api) -> None:
    run_id = await started(api)
    answer = await api.caller(7, tenants=[43]).get(f"/tenants/43/onboarding/runs/{run_id}")

    assert answer.json()["code"] == "RUN_NOT_FOUND"


async def test_the_list_is_newest_first_and_comes_in_pages(api: Api) -> None:
    made = [await api.run_to_end("license.inventory") for _ in range(5)]
    url, pages = f"{RUNS}?limit=2&taskType=license.inventory", []
    while url:
        answer = await api.caller().get(url)
        pages.append([run["id"] for run in answer.json()])
        url = answer.links.get("next", {}).get("url", "")

    assert pages == [made[:2:-1], made[2:0:-1], made[:1]]


async def test_the_list_is_filtered_by_task_type_state_session_and_age(api: Api) -> None:
    without = await api.run_to_end("license.inventory")
    session = await api.session()
    finished = await api.run_to_end("license.inventory")
    queued = await started(api, "app.consent")

    async def ids(query: str) -> list[int]:
        return [run["id"] for run in (await api.caller().get(f"{RUNS}?{query}")).json()]

    assert await ids("taskType=license.inventory") == [finished, without]
    assert await ids("state=queued") == [queued]
    assert await ids("state=queued&state=succeeded") == [queued, finished, without]
    assert await ids(f"session={session['id']}") == [queued, finished]
    assert await ids(f"session={session['id']}&state=succeeded") == [finished]
    assert await ids("taskType=no.such_type") == []
    await api.rows("UPDATE operation_runs SET created_at = now() - interval '2 minutes' WHERE id = :id", id=without)
    assert await ids("older_than_seconds=60") == [without]


async def test_cancelling_sends_one_command_however_often_it_is_asked(api: Api) -> None:
    run_id = await started(api)
    first = await api.caller(8).post(f"{RUNS}/{run_id}/cancel")
    second = await api.caller(9).post(f"{RUNS}/{run_id}/cancel")

    assert (first.status_code, second.status_code) == (200, 200)
    assert (second.json()["state"], second.json()["cancel_requested_by_user_id"]) == ("cancelling", 8)
    assert [name for name, _ in await api.outbox_messages()] == ["StartTask", "CancelTask"]


async def test_a_cancelled_run_without_status_may_be_cancelled_again(api: Api) -> None:
    run_id = await started(api)
    await api.caller().post(f"{RUNS}/{run_id}/cancel")
    await api.finish(run_id, "license.inventory", "unknown", state=RunState.CANCELLED, reason_code="CANCELLED")
    answer = await api.caller().post(f"{RUNS}/{run_id}/cancel")

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert answer.json()["result"]["status"] is None


async def test_an_ended_run_cannot_be_cancelled(api: Api) -> None:
    run_id = await api.run_to_end("license.inventory")
    answer = await api.caller().post(f"{RUNS}/{run_id}/cancel")

    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "RUN_ENDED", "succeeded")


async def test_cancelling_an_unknown_run_is_not_found(api: Api) -> None:
    assert (await api.caller().post(f"{RUNS}/999/cancel")).json()["code"] == "RUN_NOT_FOUND"
