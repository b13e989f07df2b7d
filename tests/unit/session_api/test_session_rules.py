"""The rules of a session, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from onboarding_shared.contracts.session_api import SessionStepChanged, SessionTakenOver
from onboarding_shared.contracts.types import CheckStatus, SessionStatus
from session_api.domain.edit_lock import EditLock, LockHeld
from session_api.domain.readiness import TaskReadiness
from session_api.domain.sessions import (
    Change,
    Session,
    SessionClosed,
    SessionUpdate,
    StepNotReady,
    StepOutOfOrder,
    abandon,
    change,
    complete,
    resume,
)

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LASTS = timedelta(minutes=15)
ME, OTHER = 7, 8


def session(
    *, status: SessionStatus = SessionStatus.IN_PROGRESS, step: int = 1, holder: int | None = ME, minutes: float = 5
) -> Session:
    lock = None if holder is None else EditLock(holder, NOW + timedelta(minutes=minutes))
    return Session(1, 42, status, step, None, None, lock)


def readiness(step: int, status: CheckStatus, *, required: bool = True) -> TaskReadiness:
    return TaskReadiness(f"task.{step}", step, required, status)


def test_the_holders_change_renews_the_lock() -> None:
    outcome = change(session(), Change(), ME, NOW, LASTS, ())

    assert isinstance(outcome, SessionUpdate)
    assert outcome.session.lock == EditLock(ME, NOW + LASTS)
    assert (outcome.history, outcome.events) == ((), ())


@pytest.mark.parametrize(("minutes", "free"), [(0.0, True), (-1.0, True), (0.001, False)])
def test_a_lock_is_free_from_the_moment_it_runs_out(minutes: float, free: bool) -> None:
    outcome = change(session(holder=OTHER, minutes=minutes), Change(), ME, NOW, LASTS, ())

    assert isinstance(outcome, SessionUpdate) is free


def test_another_ones_lock_is_named_with_its_end() -> None:
    outcome = change(session(holder=OTHER), Change(assigned_to_user_id=ME), ME, NOW, LASTS, ())

    assert outcome == LockHeld(EditLock(OTHER, NOW + timedelta(minutes=5)), timedelta(minutes=5))


def test_a_takeover_together_with_a_step_has_both_events() -> None:
    wanted = Change(current_step=1, takeover=True)
    outcome = change(session(step=2, holder=OTHER), wanted, ME, NOW, LASTS, ())

    assert isinstance(outcome, SessionUpdate)
    assert outcome.events == (
        SessionTakenOver(tenant_id=42, session_id=1, by_user_id=ME, from_user_id=OTHER),
        SessionStepChanged(tenant_id=42, session_id=1, by_user_id=ME, from_step=2, to_step=1),
    )


def test_a_takeover_of_a_free_lock_is_only_taking_it() -> None:
    outcome = change(session(holder=None), Change(takeover=True), ME, NOW, LASTS, ())

    assert isinstance(outcome, SessionUpdate)
    assert outcome.events == ()
    assert [entry.action for entry in outcome.history] == ["lock_taken"]


def test_optional_tasks_do_not_hold_a_step() -> None:
    tasks = [readiness(1, CheckStatus.OK), readiness(1, CheckStatus.FAIL, required=False)]

    assert isinstance(change(session(), Change(current_step=2), ME, NOW, LASTS, tasks), SessionUpdate)


def test_tasks_of_other_steps_do_not_hold_a_step() -> None:
    tasks = [readiness(1, CheckStatus.WARN), readiness(2, CheckStatus.FAIL)]

    assert isinstance(change(session(), Change(current_step=2), ME, NOW, LASTS, tasks), SessionUpdate)


@pytest.mark.parametrize("status", [CheckStatus.FAIL, CheckStatus.UNKNOWN])
def test_a_required_task_that_is_not_well_holds_its_step(status: CheckStatus) -> None:
    task = readiness(1, status)

    assert change(session(), Change(current_step=2), ME, NOW, LASTS, [task]) == StepNotReady(1, (task,))


@pytest.mark.parametrize("step", [3, 4, 5])
def test_a_step_cannot_be_left_out(step: int) -> None:
    assert change(session(), Change(current_step=step), ME, NOW, LASTS, ()) == StepOutOfOrder(1)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_back_is_free_from_the_last_step(step: int) -> None:
    blocked = [readiness(number, CheckStatus.FAIL) for number in range(1, 6)]

    assert isinstance(change(session(step=5), Change(current_step=step), ME, NOW, LASTS, blocked), SessionUpdate)


def test_the_present_step_again_is_no_change() -> None:
    outcome = change(session(status=SessionStatus.DRAFT), Change(current_step=1), ME, NOW, LASTS, ())

    assert isinstance(outcome, SessionUpdate)
    assert (outcome.session.status, outcome.history) == (SessionStatus.DRAFT, ())


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.ABANDONED])
def test_a_closed_session_cannot_be_changed_even_by_takeover(status: SessionStatus) -> None:
    closed = session(status=status, holder=None)

    assert change(closed, Change(takeover=True), ME, NOW, LASTS, ()) == SessionClosed(status)


def test_completing_releases_the_lock() -> None:
    outcome = complete(session(step=5), ME, NOW, LASTS, [readiness(5, CheckStatus.OK)])

    assert isinstance(outcome, SessionUpdate)
    assert (outcome.session.status, outcome.session.lock) == (SessionStatus.COMPLETED, None)


def test_completing_without_the_last_steps_tasks_is_refused() -> None:
    task = readiness(5, CheckStatus.UNKNOWN)

    assert complete(session(step=5), ME, NOW, LASTS, [task]) == StepNotReady(5, (task,))


def test_an_ended_session_is_neither_completed_nor_abandoned() -> None:
    abandoned, completed = session(status=SessionStatus.ABANDONED), session(status=SessionStatus.COMPLETED)

    assert complete(abandoned, ME, NOW, LASTS, ()) == SessionClosed(SessionStatus.ABANDONED)
    assert abandon(completed, None, ME, NOW, LASTS) == SessionClosed(SessionStatus.COMPLETED)


def test_ending_again_changes_nothing() -> None:
    completed = session(status=SessionStatus.COMPLETED, holder=None)

    assert complete(completed, OTHER, NOW, LASTS, ()) == SessionUpdate(completed)


def test_resuming_leaves_another_ones_lock() -> None:
    held = session(holder=OTHER)

    assert resume(held, ME, NOW, LASTS) == SessionUpdate(held)
