"""Runs that are claimed with their insertion: only where a claim would take them, and lost like any other lease."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from onboarding_shared.contracts.types import RunState
from task_runner.domain.outcomes import GiveUp
from task_runner.store.rows import Claim
from task_runner.store.settling import Settled, Settlement
from task_runner.tasks import Result, TaskContext
from task_runner.use_cases.first_claims import FirstClaims
from task_runner.use_cases.leases import Leases
from task_runner.worker.slots import ReservedSlots, Slots
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, start
from tests.integration.task_runner.working import finished, summary, task_that
from tests.support.waiting import eventually

DONE = GiveUp(reason_code="DONE", message="")


class Taker:
    """A worker that takes claims and never begins their attempts, as if it died after the commit."""

    def __init__(self, harness: RunnerHarness, *, slots: int = 10, tenant_limit: int = 8) -> None:
        self.claims: list[Claim] = []
        self.slots = Slots(slots, lambda: len(self.claims), clock=lambda: 0.0)
        harness.first_claims = FirstClaims(self._reserve, worker="w1", lease_seconds=30.0, tenant_limit=tenant_limit)

    def _reserve(self, wanted: int) -> ReservedSlots | None:
        return self.slots.reserve(wanted, self._take)

    def _take(self, claims: Sequence[Claim], _: float) -> None:
        self.claims += claims

    @property
    def taken(self) -> set[int]:
        return {claim.execution.run_id for claim in self.claims}


async def test_a_new_run_is_stored_with_its_lease(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    await harness.apply(start(1, "check.connection", on=3))
    row = await harness.row(1)
    assert (row.state, row.attempt, row.worker) == ("running", 1, "w1")
    assert 30.0 <= (row.lease_expires_at - row.started_at).total_seconds() < 35.0
    assert [claim.lease_token for claim in taker.claims] == [row.lease_token]


async def test_a_first_claim_is_what_a_later_claim_would_be(harness: RunnerHarness) -> None:
    await harness.apply(start(1, "check.connection", on=3), start(2, tenant_id=5), traceparent="trace")
    later = {claim.execution.run_id: claim for claim in await harness.claim()}
    await harness.sql("DELETE FROM executions")
    taker = Taker(harness)
    await harness.apply(start(1, "check.connection", on=3), start(2, tenant_id=5), traceparent="trace")

    for claim in taker.claims:
        other = later[claim.execution.run_id]
        assert fields(claim) == fields(other)
        assert fields(claim.execution) == fields(other.execution)


TIMES = {"lease_token", "claimed_at", "started_at", "resume_at", "age", "since_due", "execution"}


def fields(value: object) -> dict[str, object]:
    names: tuple[str, ...] = type(value).__slots__  # pyrefly: ignore[missing-attribute]
    return {name: getattr(value, name) for name in names if name not in TIMES}


async def test_its_result_is_written_with_its_token(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    await harness.apply(start(1))
    (claim,) = taker.claims
    settlement = Settlement(run_id=1, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=DONE)
    assert await harness.settle(settlement) == [Settled()]


async def test_no_more_runs_get_a_lease_than_slots_are_free(harness: RunnerHarness) -> None:
    taker = Taker(harness, slots=2)
    await harness.apply(*(start(run, tenant_id=run) for run in range(1, 6)))
    assert taker.taken == {1, 2}
    assert await harness.claimed_ids() == {3, 4, 5}


async def test_a_batch_gives_leases_only_to_runs_that_do_not_exclude(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    await harness.apply(start(1), start(2), start(3, "check.other"), start(4, "change.tenant", tenant_id=5))
    assert taker.taken == {1, 3, 4}
    assert await harness.state(2) == "queued"


async def test_the_limit_of_a_tenant_holds(harness: RunnerHarness) -> None:
    taker = Taker(harness, tenant_limit=3)
    await harness.apply(*(start(run, "check.connection", on=run) for run in range(1, 9)))
    assert taker.taken == {1, 2, 3}


@pytest.mark.parametrize("state", ["queued", "running", "cancelling"])
async def test_behind_another_run_of_the_tenant_it_is_queued(harness: RunnerHarness, state: str) -> None:
    await harness.apply(start(1, "change.tenant"))
    if state != "queued":
        await harness.claim()
    if state == "cancelling":
        await harness.apply(cancel(1))
    taker = Taker(harness)
    await harness.apply(start(2), start(3, tenant_id=5))
    assert taker.taken == {3}
    assert await harness.state(2) == "queued"


async def test_a_run_that_waits_for_later_stands_in_nobodys_way(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.sql("UPDATE executions SET state = 'waiting', resume_at = now() + interval '1 hour'")
    taker = Taker(harness)
    await harness.apply(start(2))
    assert taker.taken == {2}


async def test_while_another_worker_claims_of_a_tenant_it_is_queued(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    async with harness.database.transaction() as other:
        await other.execute(text("SELECT pg_try_advisory_xact_lock(4)"))
        await harness.apply(start(1), start(2, tenant_id=5))
    assert taker.taken == {2}
    assert await harness.claimed_ids() == {1}


async def test_the_lock_of_a_tenant_shows_what_was_committed_before(harness: RunnerHarness) -> None:
    """A statement that began before another worker's claim was committed does not miss it."""
    async with harness.database.transaction() as holder:
        await holder.execute(text("SELECT pg_advisory_xact_lock(99)"))
        late = asyncio.create_task(
            harness.sql(
                "WITH waited AS MATERIALIZED (SELECT pg_advisory_xact_lock(99)) "
                "SELECT lock_idle_tenant(4) AS idle FROM waited"
            )
        )
        await eventually(lambda: number_of_waiting(harness), equals=1)
        await harness.apply(start(1, "change.tenant"))
        await harness.claim()
    assert [row.idle for row in await late] == [False]


async def number_of_waiting(harness: RunnerHarness) -> int:
    return len(await harness.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))


async def test_a_run_cancelled_in_the_same_batch_never_begins(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    await harness.apply(start(1), cancel(1))
    assert taker.taken == set()
    assert await harness.state(1) == "cancelled"


async def test_a_repeated_command_gives_no_second_lease(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    await harness.apply(start(1))
    await harness.apply(start(1), start(2, tenant_id=5))
    assert [claim.execution.run_id for claim in taker.claims] == [1, 2]
    assert (await harness.row(1)).attempt == 1


async def test_a_refused_run_gets_no_lease(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    await harness.apply(start(1, "check.unheard_of"))
    assert taker.taken == set()
    assert await harness.state(1) == "failed"


async def test_dying_before_the_commit_leaves_nothing_and_frees_slots(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    await harness.sql("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'died'; END $$")
    await harness.sql(
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON executions DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION die()"
    )
    with pytest.raises(Exception, match="died"):
        await harness.apply(start(1))
    assert (taker.taken, taker.slots.reserved) == (set(), 0)
    assert await harness.sql("SELECT FROM executions") == []


async def test_dying_after_the_commit_repeats_the_run_once(harness: RunnerHarness) -> None:
    Taker(harness)
    await harness.apply(start(1))
    leases = Leases(harness.database, harness.outbox, lease_seconds=30.0, confirm_seconds=20.0)
    await leases.recover()
    assert await harness.state(1) == "running", "the lease has not expired"
    await harness.sql("UPDATE executions SET lease_expires_at = now() - interval '1 second'")
    await leases.recover()
    (claim,) = await harness.claim(worker="w2")
    assert (claim.execution.attempt, claim.tries) == (2, 1)
    assert await harness.claim(worker="w2") == ()


async def test_the_dead_workers_result_of_the_first_attempt_is_refused(harness: RunnerHarness) -> None:
    taker = Taker(harness)
    await harness.apply(start(1))
    await harness.sql("UPDATE executions SET lease_expires_at = now() - interval '1 second'")
    await Leases(harness.database, harness.outbox, lease_seconds=30.0, confirm_seconds=20.0).recover()
    await harness.claim(worker="w2")
    (first,) = taker.claims
    settlement = Settlement(run_id=1, lease_token=first.lease_token, observed=RunState.RUNNING, outcome=DONE)
    assert await harness.settle(settlement) != [Settled()]
    assert await harness.state(1) == "running"


async def test_a_worker_begins_a_new_run_without_a_poll(harness: RunnerHarness) -> None:
    async def short(context: TaskContext) -> Result:
        return Result.ok("FINE")

    worker = harness.new_worker(task_that(short), poll_seconds=60.0)
    worker.start()
    await eventually(lambda: worker.pool.loop.seconds_overdue < 0, equals=True)
    worker.pool.loop.wake = no_poll  # pyrefly: ignore[bad-assignment]
    await harness.apply(start(1, "test.task"))
    assert summary(await finished(harness)) == ("succeeded", "ok", "FINE", 1)


def no_poll() -> None:
    raise AssertionError("the next claim was asked for")


async def test_a_stopped_worker_takes_no_new_run(harness: RunnerHarness) -> None:
    worker = harness.new_worker()
    worker.start()
    await worker.stop()
    await harness.apply(start(1))
    assert await harness.state(1) == "queued"
