"""Inputs and dry runs: kept with the execution, seen by the task, and nothing is written in a dry run."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from onboarding_shared.contracts.session_api import StartTask
from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed
from onboarding_shared.contracts.types import RunState
from task_runner.domain.outcomes import RetryLater
from task_runner.store.settling import Settlement
from task_runner.tasks import Result, Task, TaskContext, TaskFault, Wait
from task_runner.testing import graph_server, task_context
from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.integration.task_runner.working import finished, summary, task_that
from tests.support.waiting import eventually


class GroupInputs(Struct, frozen=True, forbid_unknown_fields=True):
    """The group to create."""

    group: Annotated[str, Meta(max_length=50)]
    days: Annotated[int, Meta(ge=1, le=90)] = 30


async def echo(context: TaskContext) -> Result:
    """Returns what it was given."""
    payload = {"inputs": msgspec.to_builtins(context.inputs), "seen": context.dry_run}
    return Result.ok("ECHO_OK", payload=payload)


def echoing(**more: Any) -> Task:
    return task_that(echo, inputs=GroupInputs, dry_run=True, **more)


def given(inputs: Any = None, *, dry_run: bool = False, run_id: int = 1) -> StartTask:
    return msgspec.structs.replace(start(run_id, "test.task"), inputs=inputs, dry_run=dry_run)


async def test_a_task_sees_the_inputs_of_its_run(harness: RunnerHarness) -> None:
    harness.new_worker(echoing()).start()
    await harness.apply(given({"group": "Helpdesk"}))
    end = await finished(harness)

    assert summary(end) == ("succeeded", "ok", "ECHO_OK", 1)
    assert end.payload["inputs"] == {"group": "Helpdesk", "days": 30}
    assert end.payload["seen"] is False
    assert "dry_run" not in end.payload


async def test_inputs_that_do_not_fit_end_the_run(harness: RunnerHarness) -> None:
    harness.new_worker(echoing())
    await harness.apply(given({"days": 5}), given({"group": "x", "days": 91}, run_id=2), given(run_id=3))
    ends = await harness.new_messages()

    assert [(end.run_id, end.state, end.reason_code) for end in ends if isinstance(end, RunFinished)] == [
        (1, RunState.FAILED, "INPUTS_INVALID"),
        (2, RunState.FAILED, "INPUTS_INVALID"),
        (3, RunState.FAILED, "INPUTS_INVALID"),
    ]
    assert [row.inputs for row in await harness.sql("SELECT inputs FROM executions")] == [None, None, None]


async def test_inputs_survive_the_loss_of_a_lease(harness: RunnerHarness) -> None:
    worker = harness.new_worker(echoing())
    await harness.apply(given({"group": "Helpdesk", "days": 7}, dry_run=True))
    await harness.claim()
    await harness.sql("UPDATE executions SET lease_expires_at = now() - interval '1 second'")
    await worker.leases.recover()
    (claim,) = await harness.claim()

    assert (claim.execution.attempt, claim.execution.dry_run) == (2, True)
    assert claim.inputs == {"group": "Helpdesk", "days": 7}


async def test_another_worker_resumes_a_run_with_its_inputs(harness: RunnerHarness) -> None:
    harness.tasks["test.task"] = echoing()
    await harness.apply(given({"group": "Helpdesk", "days": 7}, dry_run=True))
    (claim,) = await harness.claim(worker="w1")
    again = RetryLater(delay=0.0, reason_code="WORKER_STOPPED", message="Stopped.")
    await harness.settle(
        Settlement(run_id=1, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=again, excused=True)
    )
    harness.new_worker(echoing(), name="w2").start()
    end = await finished(harness)

    assert (end.attempt, end.payload["inputs"]) == (2, {"group": "Helpdesk", "days": 7})
    assert (end.payload["dry_run"], end.payload["seen"]) == (True, True)


async def test_a_repeated_command_keeps_the_first_inputs(harness: RunnerHarness) -> None:
    harness.new_worker(echoing())
    await harness.apply(given({"group": "first"}))
    await harness.apply(given({"group": "second"}))
    (claim,) = await harness.claim()

    assert claim.inputs == {"group": "first"}


async def test_a_task_that_changed_its_inputs_ends_the_run(harness: RunnerHarness) -> None:
    harness.tasks["test.task"] = echoing()
    await harness.apply(given({"group": "Helpdesk"}))

    class Other(Struct, frozen=True, forbid_unknown_fields=True):
        name: Annotated[str, Meta(max_length=50)]

    harness.new_worker(task_that(echo, inputs=Other)).start()
    assert summary(await finished(harness)) == ("failed", "unknown", "INPUTS_INVALID", 1)


async def test_a_dry_run_of_a_task_without_it_is_refused(harness: RunnerHarness) -> None:
    harness.new_worker(task_that(echo))
    await harness.apply(given(dry_run=True))
    (end,) = await harness.new_messages()

    assert isinstance(end, RunFinished)
    assert (end.state, end.reason_code, end.payload) == (RunState.FAILED, "DRY_RUN_NOT_SUPPORTED", {"dry_run": True})


async def failing(context: TaskContext) -> Result:
    raise TaskFault("GRAPH_FORBIDDEN", "Not allowed.")


async def crashing(context: TaskContext) -> Result:
    raise ZeroDivisionError


async def waiting(context: TaskContext) -> Result:
    raise Wait("APPROVAL_PENDING", "Not yet.", seconds=60)


@pytest.mark.parametrize("do", [failing, crashing, waiting])
async def test_every_ending_of_a_dry_run_says_so(harness: RunnerHarness, do: Any) -> None:
    harness.new_worker(task_that(do, dry_run=True, wait_limit=0.001)).start()
    await harness.apply(given(dry_run=True))

    assert (await finished(harness)).payload["dry_run"] is True


@pytest.mark.parametrize(
    ("offered", "told"), [({"group": "Helpdesk"}, {"group": "Helpdesk"}), (None, None), ("x", None)]
)
async def test_a_wait_tells_what_it_offers_to_later_runs(harness: RunnerHarness, offered: Any, told: Any) -> None:
    async def offering(context: TaskContext) -> Result:
        raise Wait("APPROVAL_PENDING", "Not yet.", seconds=60, payload={"offered_inputs": offered})

    harness.new_worker(task_that(offering)).start()
    await harness.apply(given())
    waits = await waiting_message(harness)

    assert (waits.reason_code, waits.offered_inputs) == ("APPROVAL_PENDING", told)


async def waiting_message(harness: RunnerHarness) -> RunProgressed:
    async def look() -> RunProgressed | None:
        messages = [message for message in await harness.new_messages() if isinstance(message, RunProgressed)]
        return next((message for message in messages if message.state is RunState.WAITING), None)

    return await eventually(look)


async def test_a_task_cannot_claim_that_it_ran_dry(harness: RunnerHarness) -> None:
    async def pretend(context: TaskContext) -> Result:
        return Result.ok("ECHO_OK", payload={"dry_run": True, "value": 1})

    harness.new_worker(task_that(pretend)).start()
    await harness.apply(given())
    payload = (await finished(harness)).payload

    assert (payload["value"], "dry_run" in payload) == (1, False)


async def test_a_dry_run_reads_but_sends_no_write() -> None:
    async with graph_server() as server, task_context(server=server, dry_run=True) as context:
        await context.graph.get("/organization", permission="Organization.Read.All")
        with pytest.raises(TaskFault) as caught:
            await context.graph.post("/servicePrincipals", {"appId": "x"})
        record = context.graph.record.as_payload()

    assert (caught.value.reason_code, caught.value.retryable) == ("DRY_RUN_WRITE_REFUSED", False)
    assert [answer["method"] for answer in record["responses"]] == ["GET"]


async def test_a_dry_run_writes_to_no_tenant_of_ours() -> None:
    async with task_context(dry_run=True) as context:
        with pytest.raises(TaskFault, match="DRY_RUN_WRITE_REFUSED"):
            await context.partner_graph.post("/groups", {})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
async def test_the_plain_client_of_a_dry_run_only_reads(method: str) -> None:
    async with graph_server() as server, task_context(server=server, dry_run=True) as context:
        with pytest.raises(TaskFault, match="DRY_RUN_WRITE_REFUSED"):
            await context.http.request(method, f"{server.url}/v1.0/groups")
        assert (await context.http.get(f"{server.url}/v1.0/groups")).status_code == 401


async def test_a_test_context_carries_inputs_and_dry_run() -> None:
    async with task_context(inputs=GroupInputs(group="Helpdesk"), dry_run=True, connected=False) as context:
        result = await echoing()(context)

    assert result.payload["inputs"] == {"group": "Helpdesk", "days": 30}
    assert result.payload["dry_run"] is True
