"""Evidence is valid for the time of its task type, and the gate of a step respects it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from session_api.store.task_types import _SUMMARIES
from tests.integration.session_api.service import CATALOGUE, TENANT, Api, declaration

TASKS = f"/tenants/{TENANT}/onboarding/tasks"
SESSION = f"/tenants/{TENANT}/onboarding/session"

ONE_MINUTE = declaration("app.consent", step=2, fresh_seconds=60.0)


async def summary(api: Api, task_type: str) -> dict[str, Any]:
    tasks = (await api.caller().get(TASKS)).json()
    return next(dict(task) for task in tasks if task["task_type"] == task_type)


async def grow_old(api: Api, run_id: int, age: str) -> None:
    """Let a run have finished some time ago."""
    await api.rows(
        "UPDATE operation_runs SET finished_at = now() - CAST(CAST(:age AS text) AS interval) WHERE id = :id",
        age=age,
        id=run_id,
    )


async def test_an_answer_tells_until_when_it_counts(api: Api) -> None:
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(ONE_MINUTE,)))
    run_id = await api.run_to_end("app.consent")
    ((finished_at,),) = await api.rows("SELECT finished_at FROM operation_runs WHERE id = :id", id=run_id)

    expires_at = datetime.fromisoformat((await summary(api, "app.consent"))["expires_at"])
    assert timedelta(seconds=59) < expires_at - finished_at <= timedelta(seconds=60)


async def test_an_answer_older_than_its_task_type_allows_is_unknown(api: Api) -> None:
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(ONE_MINUTE,)))
    run_id = await api.run_to_end("app.consent")
    await grow_old(api, run_id, "61 seconds")
    task = await summary(api, "app.consent")

    assert (task["status"], task["reason_code"], task["last_run_id"]) == ("unknown", "EVIDENCE_STALE", run_id)
    assert task["remediation"] == "Start the task again."


async def test_evidence_is_valid_for_seven_days_by_default(api: Api) -> None:
    await api.rows("UPDATE task_types SET declaration = declaration - 'fresh_seconds'")
    run_id = await api.run_to_end("app.consent")
    await grow_old(api, run_id, "6 days 23 hours")
    assert (await summary(api, "app.consent"))["status"] == "ok"

    await grow_old(api, run_id, "7 days 1 hour")
    assert (await summary(api, "app.consent"))["status"] == "unknown"


async def test_a_new_answer_counts_again(api: Api) -> None:
    await grow_old(api, await api.run_to_end("app.consent"), "8 days")
    await api.run_to_end("app.consent", "warn")

    assert (await summary(api, "app.consent"))["status"] == "warn"


async def test_a_step_is_not_left_on_an_old_answer(api: Api) -> None:
    session = await api.session()
    await grow_old(api, await api.run_to_end("graph.connectivity"), "8 days")
    answer = await api.caller().patch(f"{SESSION}/{session['id']}", json={"current_step": 2})

    assert (answer.status_code, answer.json()["code"]) == (409, "STEP_NOT_READY")
    assert answer.json()["tasks"] == [{"task_type": "graph.connectivity", "status": "unknown"}]


async def test_expired_evidence_of_a_passed_step_does_not_block(api: Api) -> None:
    session = await api.session()
    first = await api.run_to_end("graph.connectivity")
    await api.caller().patch(f"{SESSION}/{session['id']}", json={"current_step": 2})
    await grow_old(api, first, "8 days")
    await api.run_to_end("app.consent")
    answer = await api.caller().patch(f"{SESSION}/{session['id']}", json={"current_step": 3})

    assert (answer.status_code, answer.json()["current_step"]) == (200, 3)


async def test_a_completed_session_stays_completed_whatever_grows_old(api: Api) -> None:
    session = await api.session()
    for step, task_type in enumerate(CATALOGUE[:5], start=1):
        await api.run_to_end(task_type.name)
        if step < 5:
            await api.caller().patch(f"{SESSION}/{session['id']}", json={"current_step": step + 1})
    await api.caller().post(f"{SESSION}/{session['id']}/complete")
    await api.rows("UPDATE operation_runs SET finished_at = finished_at - interval '30 days'")
    answer = await api.caller().post(f"{SESSION}/{session['id']}/complete")

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")


async def test_each_task_type_takes_four_index_lookups(api: Api) -> None:
    await api.rows(
        "INSERT INTO operation_runs (tenant_id, task_type, scope_key, mode, requested_by_user_id, state, status,"
        " finished_at, resend_due_at) SELECT :tenant, 'app.consent', 'tenant', 'shared', 7, 'succeeded', 'ok',"
        " now() - make_interval(secs => n), now() FROM generate_series(1, 3000) n",
        tenant=TENANT,
    )
    await api.rows("ANALYZE operation_runs")
    ((plan,),) = await api.rows(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {_SUMMARIES.text}",
        tenant=TENANT,
        of_session=True,
        chosen=None,
        fresh_seconds=1.0,
    )
    reads = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "operation_runs"]

    assert len(reads) == 4
    assert all("Index" in node["Node Type"] and node["Actual Rows"] <= 1 for node in reads), reads


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan and all below it."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)
