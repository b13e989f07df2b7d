"""Starting tasks: created, reused, blocked, whatever comes at the same time."""

import asyncio
import uuid

import msgspec
import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.session_api import StartTask, TaskConnection
from onboarding_shared.contracts.types import RunState
from session_api.domain.starting import Start
from session_api.use_cases.starts import Accepted
from tests.integration.session_api.service import TENANT, Api

TASKS = f"/tenants/{TENANT}/onboarding/tasks"


async def test_a_start_creates_a_run_whose_url_answers(api: Api) -> None:
    answer = await api.start("license.inventory")

    assert answer.status_code == 201
    body = answer.json()
    assert body["outcome"] == "created"
    assert answer.headers["location"] == body["url"]
    run = await api.caller().get(body["url"])
    assert run.status_code == 200
    assert (run.json()["id"], run.json()["state"]) == (body["run_id"], "queued")


async def test_a_start_sends_one_command(api: Api) -> None:
    body = (await api.start("license.inventory", user=9)).json()
    [[data]] = await api.rows("SELECT data FROM outbox")
    command = decode_data("onboarding.task-commands.v1", bytes(data))

    assert isinstance(command, StartTask)
    assert (command.run_id, command.task_type, command.requested_by) == (body["run_id"], "license.inventory", 9)
    assert (command.session_id, command.connection, command.repeat) == (None, None, 0)


async def test_the_same_start_again_reuses_the_active_run(api: Api) -> None:
    first = (await api.start("license.inventory")).json()
    second = await api.start("license.inventory", user=8)

    assert second.status_code == 201
    assert second.json() == {**first, "outcome": "reused"}


async def test_a_hundred_concurrent_identical_starts_make_one_run(api: Api) -> None:
    answers = await asyncio.gather(*(api.start("license.inventory") for _ in range(100)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert sorted(answer.json()["outcome"] for answer in answers).count("reused") == 99
    assert await api.outbox_messages() == [("StartTask", TENANT)]


async def test_a_finished_run_frees_its_guard(api: Api) -> None:
    first = await api.run_to_end("license.inventory")
    second = (await api.start("license.inventory")).json()

    assert second["run_id"] != first
    assert second["outcome"] == "created"


async def test_shared_tasks_run_beside_each_other(api: Api) -> None:
    assert (await api.start("license.inventory")).status_code == 201
    assert (await api.start("app.consent")).status_code == 201


async def test_an_exclusive_run_blocks_every_other_and_is_named(api: Api) -> None:
    blocking = (await api.start("app.grant")).json()
    answer = await api.start("license.inventory")

    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "BLOCKED_BY_RUN"
    since = body["blocking_run"].pop("since")
    assert since.endswith("Z")
    assert body["blocking_run"] == {
        "run_id": blocking["run_id"],
        "task_type": "app.grant",
        "state": "queued",
        "url": blocking["url"],
    }
    assert "app.grant" in body["error"]
    assert since in body["error"]
    assert 1 <= int(answer.headers["retry-after"]) <= 30


async def test_a_shared_run_blocks_an_exclusive_one(api: Api) -> None:
    await api.start("license.inventory")

    assert (await api.start("app.grant")).status_code == 409


async def test_of_two_exclusive_starts_at_once_one_is_blocked_by_the_other(api: Api) -> None:
    answers = await asyncio.gather(api.start("app.grant"), api.start("app.other_grant"))

    created, blocked = sorted(answers, key=lambda answer: answer.status_code)
    assert (created.status_code, blocked.status_code) == (201, 409)
    assert blocked.json()["blocking_run"]["run_id"] == created.json()["run_id"]


async def test_a_blocked_start_leaves_no_trace(api: Api) -> None:
    await api.start("app.grant")
    await api.start("license.inventory")

    assert await api.outbox_messages() == [("StartTask", TENANT)]
    assert len(await api.rows("SELECT 1 FROM operation_runs")) == 1


async def test_a_run_that_is_being_cancelled_blocks_its_own_kind(api: Api) -> None:
    run = (await api.start("license.inventory")).json()
    await api.caller().post(f"{run['url']}/cancel")
    answer = await api.start("license.inventory")

    assert answer.status_code == 409
    assert answer.json()["blocking_run"]["state"] == "cancelling"


async def test_connection_tasks_of_two_connections_run_beside_each_other(api: Api) -> None:
    first, second = await api.connection("one"), await api.connection("two")
    first_run = await api.start("graph.connectivity", {"provider_connection_id": first})
    two = await api.start("graph.connectivity", {"provider_connection_id": second})

    assert (first_run.json()["outcome"], two.json()["outcome"]) == ("created", "created")


async def test_an_exclusive_run_of_the_tenant_excludes_its_connections(api: Api) -> None:
    connection = await api.connection()
    await api.start("app.grant")

    assert (await api.start("graph.connectivity", {"provider_connection_id": connection})).status_code == 409


async def test_tenants_do_not_block_each_other(api: Api) -> None:
    await api.start("app.grant")
    other = await api.caller(7, tenants=[43]).post("/tenants/43/onboarding/tasks/app.other_grant/runs")

    assert other.status_code == 201


async def test_an_unknown_task_type_lists_the_known_ones(api: Api) -> None:
    answer = await api.start("no.such_task")

    assert (answer.status_code, answer.json()["code"]) == (404, "TASK_TYPE_UNKNOWN")
    assert "license.inventory" in answer.json()["known_task_types"]
    assert "license.inventory" in answer.json()["error"]


async def test_the_named_connection_travels_with_the_command(api: Api) -> None:
    connection = await api.connection()
    await api.connection("another")
    await api.start("graph.connectivity", {"provider_connection_id": connection})
    [[data]] = await api.rows("SELECT data FROM outbox WHERE event_type LIKE '%StartTask%'")
    command = msgspec.json.decode(bytes(data))

    assert command["connection"] == msgspec.to_builtins(
        TaskConnection(
            id=connection,
            provider="microsoft_graph",
            external_tenant_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, "main")),
            client_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
            credential_ref="graph-main",
            cloud="public",
        )
    )


async def test_the_sessions_connection_is_used_before_any_other(api: Api) -> None:
    session, wanted = await api.session(), await api.connection("wanted")
    await api.connection("other")
    path = f"/tenants/{TENANT}/onboarding/session/{session['id']}"
    await api.caller().patch(path, json={"provider_connection_id": wanted})
    run = await api.caller().get((await api.start("graph.connectivity")).json()["url"])

    assert run.json()["provider_connection_id"] == wanted
    assert run.json()["onboarding_session_id"] == session["id"]


async def test_the_only_enabled_connection_is_used_unasked(api: Api) -> None:
    only, disabled = await api.connection("only"), await api.connection("off")
    await api.caller().post(f"/tenants/{TENANT}/onboarding/provider-connections/{disabled}/disable")
    run = await api.caller().get((await api.start("graph.connectivity")).json()["url"])

    assert run.json()["provider_connection_id"] == only


async def test_without_any_connection_a_start_is_accepted(api: Api) -> None:
    answer = await api.start("graph.connectivity")

    assert answer.status_code == 201
    assert (await api.caller().get(answer.json()["url"])).json()["provider_connection_id"] is None


async def test_a_disabled_connection_cannot_be_named(api: Api) -> None:
    connection = await api.connection()
    await api.caller().post(f"/tenants/{TENANT}/onboarding/provider-connections/{connection}/disable")
    answer = await api.start("graph.connectivity", {"provider_connection_id": connection})

    assert (answer.status_code, answer.json()["code"]) == (409, "CONNECTION_DISABLED")


async def test_the_connection_of_another_tenant_is_unknown(api: Api) -> None:
    connection = await api.connection()
    path = "/tenants/43/onboarding/tasks/graph.connectivity/runs"
    answer = await api.caller(7, tenants=[43]).post(path, json={"provider_connection_id": connection})

    assert (answer.status_code, answer.json()["code"]) == (404, "CONNECTION_NOT_FOUND")


async def test_the_first_start_takes_a_draft_into_progress(api: Api) -> None:
    await api.session()
    await api.start("license.inventory")

    session = (await api.caller().get(f"/tenants/{TENANT}/onboarding/session")).json()["session"]
    assert session["status"] == "in_progress"


async def test_one_batch_decides_the_starts_of_many_tenants_separately(api: Api) -> None:
    tenants = range(100, 160)
    callers = api.caller(7, tenants=list(tenants))
    paths = [f"/tenants/{tenant}/onboarding/tasks/license.inventory/runs" for tenant in tenants for _ in range(2)]
    answers = await asyncio.gather(*(callers.post(path) for path in paths))

    assert {answer.status_code for answer in answers} == {201}
    assert [answer.json()["outcome"] for answer in answers].count("created") == 60


async def test_a_batch_of_starts_takes_four_statements_at_any_size(api: Api) -> None:
    statements: list[str] = []
    engine = api.service.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
    starts = [Start(tenant, "license.inventory", None, 7, None) for tenant in range(200, 300)]
    answers = await asyncio.gather(*(api.service.starts.start(start) for start in starts))

    assert all(isinstance(answer, Accepted) and answer.created for answer in answers)
    assert len(statements) == 4


async def test_the_database_refuses_a_second_active_run_of_a_kind(api: Api) -> None:
    await api.start("license.inventory")

    with pytest.raises(IntegrityError, match="operation_runs_one_active"):
        await insert_run(api, "license.inventory", "shared")


async def test_the_database_refuses_a_second_exclusive_run_in_a_scope(api: Api) -> None:
    await api.start("app.grant")

    with pytest.raises(IntegrityError, match="operation_runs_one_exclusive"):
        await insert_run(api, "app.other_grant", "exclusive")


async def insert_run(api: Api, task_type: str, mode: str) -> None:
    await api.rows(
        "INSERT INTO operation_runs (tenant_id, task_type, scope_key, mode, requested_by_user_id, resend_due_at)"
        " VALUES (42, :task_type, 'tenant', :mode, 7, now())",
        task_type=task_type,
        mode=mode,
    )


async def test_a_failed_run_frees_its_guard_too(api: Api) -> None:
    run = (await api.start("app.grant")).json()
    await api.finish(run["run_id"], "app.grant", "unknown", state=RunState.TIMED_OUT)

    assert (await api.start("app.other_grant")).status_code == 201
