"""Runs and history that are removed because of their age, and those that stay because something needs them."""

import pytest

from onboarding_shared.postgres.old_rows import OldRows
from session_api.app import removals
from session_api.domain.reports import ReportedTask
from session_api.settings import RetentionSettings
from session_api.store.reports import read_reported_session, read_reported_tasks
from session_api.store.retention import remove_old_history, remove_old_runs
from tests.integration.session_api.service import TENANT, Api

DAYS = 30
TASK = "license.inventory"
AGE = """
UPDATE operation_runs SET created_at = now() - make_interval(days => :days),
    last_heard_at = now() - make_interval(days => :days), finished_at = now() - make_interval(days => :days)
WHERE id = ANY(:ids)
"""
CHANGED = "UPDATE onboarding_sessions SET updated_at = now() - make_interval(days => :days) WHERE id = :id"


async def age(api: Api, *runs: int, days: int = 31) -> None:
    await api.rows(AGE, ids=list(runs), days=days)


async def removed(api: Api) -> int:
    return (await OldRows("operation_runs", api.service.database, remove_old_runs(DAYS)).remove_batch()).removed


async def run_ids(api: Api) -> list[int]:
    return [run_id for (run_id,) in await api.rows("SELECT id FROM operation_runs ORDER BY id")]


async def ended(api: Api, count: int, status: str = "ok") -> list[int]:
    return [await api.run_to_end(TASK, status) for _ in range(count)]


async def reported(api: Api, session_id: int) -> list[ReportedTask]:
    """What the report of a session says about its tasks."""
    async with api.service.database.transaction() as tx:
        session = await read_reported_session(tx, TENANT, session_id)
        assert session is not None
        return await read_reported_tasks(tx, session)


async def sessions_with_history(api: Api) -> set[int]:
    return {session_id for (session_id,) in await api.rows("SELECT session_id FROM session_history")}


async def closed_session(api: Api, *, days: int) -> int:
    """A session that was abandoned so many days ago."""
    session = await api.session()
    path = f"/tenants/{TENANT}/onboarding/session/{session['id']}/abandon"
    assert (await api.caller().post(path)).status_code == 200
    await api.rows(CHANGED, id=session["id"], days=days)
    return int(session["id"])


async def test_old_runs_are_removed_but_for_the_newest(api: Api) -> None:
    runs = await ended(api, 3)
    await age(api, *runs)

    assert await removed(api) == 2
    assert await run_ids(api) == runs[2:]


async def test_runs_that_ended_within_the_days_stay(api: Api) -> None:
    runs = await ended(api, 2)
    await age(api, *runs, days=29)

    assert await removed(api) == 0


async def test_an_active_run_stays_however_old(api: Api) -> None:
    runs = await ended(api, 3)
    await age(api, *runs)
    await api.rows("UPDATE operation_runs SET state = 'waiting' WHERE id = :id", id=runs[0])

    assert await removed(api) == 1
    assert await run_ids(api) == [runs[0], runs[2]]


async def test_the_newest_verdict_stays_below_later_unknowns(api: Api) -> None:
    [good] = await ended(api, 1)
    unknown = await ended(api, 2, "unknown")
    await age(api, good, *unknown)

    assert await removed(api) == 1
    assert await run_ids(api) == [good, unknown[1]]


async def test_a_dry_run_does_not_replace_the_newest_run(api: Api) -> None:
    answered, cancelled, dry = await ended(api, 3)
    await age(api, answered, cancelled, dry)
    await api.rows("UPDATE operation_runs SET state = 'cancelled' WHERE id = :id", id=cancelled)
    await api.rows("UPDATE operation_runs SET dry_run = true WHERE id = :id", id=dry)

    assert await removed(api) == 0


async def test_runs_of_other_tenants_and_connections_do_not_count(api: Api) -> None:
    runs = await ended(api, 3)
    await age(api, *runs)
    await api.rows("UPDATE operation_runs SET scope_key = 'connection:9' WHERE id = :id", id=runs[1])
    await api.rows("UPDATE operation_runs SET tenant_id = 43 WHERE id = :id", id=runs[2])

    assert await removed(api) == 0


async def test_the_runs_of_an_open_session_stay(api: Api) -> None:
    session = await api.session()
    runs = await ended(api, 2)
    await age(api, *runs)
    assert await removed(api) == 0

    path = f"/tenants/{TENANT}/onboarding/session/{session['id']}/abandon"
    await api.caller().post(path)
    assert await removed(api) == 1


async def test_runs_that_a_report_counts_stay(api: Api) -> None:
    before, counted = await ended(api, 2)
    await age(api, before, days=60)
    await age(api, counted, days=50)
    session_id = await closed_session(api, days=40)
    later, newest = await ended(api, 2)
    await age(api, later, newest)
    report = await reported(api, session_id)

    assert await removed(api) == 2
    assert await run_ids(api) == [counted, newest]
    assert await reported(api, session_id) == report


async def test_a_run_without_result_that_a_report_names_stays(api: Api) -> None:
    [answered] = await ended(api, 1)
    cancelled = int((await api.start(TASK)).json()["run_id"])
    await api.rows("UPDATE operation_runs SET state = 'cancelled' WHERE id = :id", id=cancelled)
    await age(api, answered, days=60)
    await age(api, cancelled, days=50)
    session_id = await closed_session(api, days=40)
    [newest] = await ended(api, 1)
    await age(api, newest)
    report = await reported(api, session_id)

    assert await removed(api) == 0
    assert await run_ids(api) == [answered, cancelled, newest]
    assert await reported(api, session_id) == report


async def test_the_newest_offer_of_inputs_stays(api: Api) -> None:
    runs = await ended(api, 3)
    await age(api, *runs)
    await api.rows("UPDATE operation_runs SET offered_inputs = '{\"a\": 1}' WHERE id = ANY(:ids)", ids=runs[:2])

    assert await removed(api) == 1
    assert await run_ids(api) == runs[1:]


async def test_a_run_that_is_locked_is_passed_over(api: Api) -> None:
    runs = await ended(api, 3)
    await age(api, *runs)
    async with api.service.database.transaction() as tx:
        await tx.exec_driver_sql(f"SELECT FROM operation_runs WHERE id = {runs[0]} FOR NO KEY UPDATE")
        assert await removed(api) == 1

    assert await removed(api) == 1


async def test_a_pass_goes_over_all_old_runs_in_batches(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding_shared.postgres.old_rows.BATCH", 2)
    needed, *old, young, newest = await ended(api, 6)
    await age(api, needed, *old)
    await api.rows("UPDATE operation_runs SET scope_key = 'connection:9' WHERE id = :id", id=needed)
    removal = OldRows("operation_runs", api.service.database, remove_old_runs(DAYS))

    assert [await removal.remove_batch() for _ in range(3)] == [(1, old[0]), (2, old[2]), (0, None)]
    assert await run_ids(api) == [needed, young, newest]


async def test_history_of_long_closed_sessions_is_removed(api: Api) -> None:
    long_closed = await closed_session(api, days=31)
    lately_closed = await closed_session(api, days=29)
    open_session = int((await api.session())["id"])
    await api.rows("UPDATE session_history SET at = now() - interval '60 days'")
    await api.rows(CHANGED, id=open_session, days=60)
    removal = OldRows("session_history", api.service.database, remove_old_history(DAYS))

    assert await sessions_with_history(api) == {long_closed, lately_closed, open_session}
    assert (await removal.remove_batch()).removed > 0
    assert await removal.remove_batch() == (0, None)
    assert await sessions_with_history(api) == {lately_closed, open_session}


def test_nothing_is_removed_unless_a_setting_says_so(api: Api) -> None:
    assert removals(api.service.database, RetentionSettings()) == []
    assert api.service.old_rows == []
    assert len(removals(api.service.database, RetentionSettings(run_days=30, history_days=90))) == 2
