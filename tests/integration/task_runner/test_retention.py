"""Executions that are removed because of their age, and those that stay."""

import pytest

from onboarding_shared.contracts.message import Message
from onboarding_shared.postgres.old_rows import OldRows
from task_runner.store.retention import remove_old_executions
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, recorded, start
from tests.integration.task_runner.test_resume import resume

DAYS = 30
AGE = """
UPDATE executions SET created_at = now() - make_interval(days => :days),
    finished_at = finished_at - make_interval(days => :days), confirmed_at = confirmed_at - make_interval(days => :days)
"""
UNKNOWN = "nobody.knows"
"""A task type whose runs end at once."""


async def removed(harness: RunnerHarness) -> int:
    return (await OldRows("executions", harness.database, remove_old_executions(DAYS)).remove_batch()).removed


async def run_ids(harness: RunnerHarness) -> list[int]:
    return [row.run_id for row in await harness.sql("SELECT run_id FROM executions ORDER BY run_id")]


async def test_old_confirmed_results_are_removed(harness: RunnerHarness) -> None:
    await harness.apply(start(1, UNKNOWN), start(2, UNKNOWN))
    await harness.apply(recorded(1), recorded(2))
    await harness.sql(AGE, days=31)

    assert await removed(harness) == 2
    assert await run_ids(harness) == []


async def test_confirmed_results_within_the_days_stay(harness: RunnerHarness) -> None:
    await harness.apply(start(1, UNKNOWN))
    await harness.apply(recorded(1))
    await harness.sql(AGE, days=29)

    assert await removed(harness) == 0


async def test_a_result_that_nobody_confirmed_stays(harness: RunnerHarness) -> None:
    await harness.apply(start(1, UNKNOWN))
    await harness.sql(AGE, days=400)

    assert await removed(harness) == 0


async def test_a_result_confirmed_lately_stays(harness: RunnerHarness) -> None:
    await harness.apply(start(1, UNKNOWN))
    await harness.sql(AGE, days=31)
    await harness.apply(recorded(1))

    assert await removed(harness) == 0


@pytest.mark.parametrize(
    "repeated", [start(1, UNKNOWN), cancel(1), resume(1)], ids=["StartTask", "CancelTask", "ResumeTask"]
)
async def test_an_ended_run_that_is_asked_about_stays(harness: RunnerHarness, repeated: Message) -> None:
    await harness.apply(start(1, UNKNOWN), start(2, UNKNOWN))
    await harness.apply(recorded(1), recorded(2))
    await harness.sql(AGE, days=31)
    await harness.apply(repeated)

    assert await removed(harness) == 1
    assert await run_ids(harness) == [1]


async def test_a_cancelled_run_that_is_asked_about_stays(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.apply(cancel(1))
    await harness.sql(AGE, days=31)
    await harness.apply(start(1))

    assert await removed(harness) == 0


async def test_asking_about_a_run_confirms_no_result(harness: RunnerHarness) -> None:
    await harness.apply(start(1, UNKNOWN), start(2))
    await harness.apply(start(1, UNKNOWN), start(2))

    rows = await harness.sql("SELECT confirmed_at, confirm_at IS NULL AS silent FROM executions ORDER BY run_id")
    assert [tuple(row) for row in rows] == [(None, False), (None, True)]


async def test_old_cancelled_runs_are_removed(harness: RunnerHarness) -> None:
    await harness.apply(start(1), start(2))
    await harness.apply(cancel(1))
    await harness.sql(AGE, days=31)

    assert await removed(harness) == 1
    assert await run_ids(harness) == [2]


async def test_a_pass_keeps_equal_ids_in_one_batch(harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding_shared.postgres.old_rows.BATCH", 1)
    await harness.apply(start(1, UNKNOWN, tenant_id=4), start(1, UNKNOWN, tenant_id=5), start(2, UNKNOWN))
    await harness.sql(
        "UPDATE executions SET confirm_at = NULL, confirmed_at = finished_at, created_at = now() - interval '99 days'"
    )
    await harness.sql("UPDATE executions SET confirmed_at = now() - interval '99 days'")
    removal = OldRows("executions", harness.database, remove_old_executions(DAYS))

    assert [await removal.remove_batch() for _ in range(3)] == [(2, 1), (1, 2), (0, None)]
