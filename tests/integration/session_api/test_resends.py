"""The sweeper: it repeats the commands of runs without messages, and no others."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.session_api import CancelTask, StartTask
from onboarding_shared.contracts.task_runner import RunProgressed
from onboarding_shared.contracts.types import RunState
from tests.integration.session_api.service import TENANT, Api

TASK = "license.inventory"


async def started(api: Api, task_type: str = TASK) -> int:
    """A run whose first command has left the outbox."""
    run_id = int((await api.start(task_type)).json()["run_id"])
    await api.rows("DELETE FROM outbox")
    return run_id


async def become_due(api: Api) -> None:
    await api.rows("UPDATE operation_runs SET resend_due_at = now() - interval '1 second'")


async def commands(api: Api) -> Sequence[Any]:
    rows = await api.rows("SELECT topic, data FROM outbox ORDER BY id")
    return [decode_data(topic, bytes(data)) for topic, data in rows]


async def due_in(api: Api) -> float:
    [[seconds]] = await api.rows("SELECT extract(epoch FROM resend_due_at - now()) FROM operation_runs")
    return float(seconds)


async def test_a_run_that_is_not_due_is_left_alone(api: Api) -> None:
    await started(api)

    assert await api.service.sweeper.sweep() == 0
    assert await commands(api) == []


async def test_an_overdue_run_is_resent_its_original_command(api: Api) -> None:
    connection = await api.connection()
    run_id = await started(api, "graph.connectivity")
    await become_due(api)

    assert await api.service.sweeper.sweep() == 1
    [command] = await commands(api)
    assert isinstance(command, StartTask)
    assert (command.tenant_id, command.run_id, command.task_type) == (TENANT, run_id, "graph.connectivity")
    assert (command.requested_by, command.repeat) == (7, 1)
    assert command.connection is not None
    assert (command.connection.id, command.connection.credential_ref) == (connection, "graph-main")


async def test_each_repetition_waits_twice_as_long_up_to_ten_minutes(api: Api) -> None:
    await started(api)
    waits = []
    for _ in range(7):
        await become_due(api)
        await api.service.sweeper.sweep()
        waits.append(round(await due_in(api)))

    assert waits == [40, 80, 160, 320, 600, 600, 600]
    assert [command.repeat for command in await commands(api)] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_message_of_the_runner_resets_the_resend_interval(api: Api) -> None:
    run_id = await started(api)
    for _ in range(3):
        await become_due(api)
        await api.service.sweeper.sweep()
    await api.begin(run_id, TASK)

    assert 19 <= await due_in(api) <= 20


async def keep_in_queue(api: Api, run_id: int) -> None:
    """Apply the runner's answer to a repeated command of a run that no worker has claimed."""
    await api.consume(RunProgressed(tenant_id=TENANT, run_id=run_id, task_type=TASK, attempt=0, state=RunState.QUEUED))


async def test_a_run_in_the_runners_queue_is_resent_ever_more_rarely(api: Api) -> None:
    run_id = await started(api)
    waits = []
    for _ in range(4):
        await become_due(api)
        await api.service.sweeper.sweep()
        await keep_in_queue(api, run_id)
        waits.append(round(await due_in(api)))

    assert waits == [160, 320, 600, 600]


async def test_a_run_claimed_from_the_queue_is_resent_when_overdue(api: Api) -> None:
    run_id = await started(api)
    await keep_in_queue(api, run_id)
    await api.begin(run_id, TASK)

    assert 19 <= await due_in(api) <= 20


async def wait(api: Api, run_id: int, seconds: float) -> None:
    """Apply the message that the run waits for so long."""
    resume_at = datetime.now(UTC) + timedelta(seconds=seconds)
    await api.consume(
        RunProgressed(
            tenant_id=TENANT,
            run_id=run_id,
            task_type=TASK,
            attempt=1,
            state=RunState.WAITING,
            reason_code="GDAP_APPROVAL_PENDING",
            resume_at=resume_at,
        )
    )


async def test_a_waiting_run_is_not_resent_before_its_resume_time(api: Api) -> None:
    await wait(api, await started(api), 3600)

    assert 3618 <= await due_in(api) <= 3621


async def test_a_run_whose_wait_has_ended_is_resent_when_overdue(api: Api) -> None:
    await wait(api, await started(api), -3600)

    assert 18 <= await due_in(api) <= 21


async def test_a_run_that_continues_after_waiting_is_resent_when_overdue(api: Api) -> None:
    run_id = await started(api)
    await wait(api, run_id, 3600)
    await api.begin(run_id, TASK, attempt=2)

    assert 18 <= await due_in(api) <= 21


async def test_a_run_resent_early_is_not_resent_before_resumption(api: Api) -> None:
    await wait(api, await started(api), 3600)
    await become_due(api)
    await api.service.sweeper.sweep()

    assert 3638 <= await due_in(api) <= 3641


async def test_the_cancellation_of_a_waiting_run_is_resent_when_overdue(api: Api) -> None:
    run_id = await started(api)
    await wait(api, run_id, 3600)
    await api.caller().post(f"/tenants/{TENANT}/onboarding/runs/{run_id}/cancel")

    assert 18 <= await due_in(api) <= 21


async def test_an_ended_run_is_never_asked_about(api: Api) -> None:
    run_id = await started(api)
    await api.finish(run_id, TASK)
    await become_due(api)

    assert await api.service.sweeper.sweep() == 0


async def test_the_cancellation_of_a_started_run_is_resent_alone(api: Api) -> None:
    run_id = await started(api)
    await api.begin(run_id, TASK)
    await api.caller(8).post(f"/tenants/{TENANT}/onboarding/runs/{run_id}/cancel")
    await api.rows("DELETE FROM outbox")
    await become_due(api)
    await api.service.sweeper.sweep()

    [command] = await commands(api)
    assert isinstance(command, CancelTask)
    assert (command.run_id, command.requested_by) == (run_id, 8)


async def test_without_any_message_start_and_cancellation_are_resent_in_order(api: Api) -> None:
    run_id = await started(api)
    await api.caller(8).post(f"/tenants/{TENANT}/onboarding/runs/{run_id}/cancel")
    await api.rows("DELETE FROM outbox")
    await become_due(api)
    await api.service.sweeper.sweep()

    assert [type(command) for command in await commands(api)] == [StartTask, CancelTask]


async def test_two_sweepers_at_once_ask_once(api: Api) -> None:
    for task_type in (TASK, "app.consent", "identity.baseline"):
        await started(api, task_type)
    await become_due(api)
    taken = await asyncio.gather(*(api.service.sweeper.sweep() for _ in range(4)))

    assert sum(taken) == 3
    assert len(await commands(api)) == 3


async def test_the_loop_goes_on_after_a_failure(api: Api) -> None:
    await started(api)
    await api.rows("ALTER TABLE operation_runs RENAME TO hidden")
    sweeper = api.service.sweeper
    await sweeper.start()
    while sweeper.failures == 0:
        await asyncio.sleep(0.01)
    await api.rows("ALTER TABLE hidden RENAME TO operation_runs")
    await become_due(api)
    async with asyncio.timeout(10):
        while not await commands(api):
            await asyncio.sleep(0.02)
    await sweeper.stop()

    assert sweeper.failures == 0
