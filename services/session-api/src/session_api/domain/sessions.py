"""An onboarding session and what may be done to it: each rule returns what becomes of it, or why not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from onboarding_shared.contracts.session_api import (
    SessionAbandoned,
    SessionAssigned,
    SessionCompleted,
    SessionConnectionChosen,
    SessionEvent,
    SessionStarted,
    SessionStepChanged,
    SessionTakenOver,
)
from onboarding_shared.contracts.types import SessionStatus
from session_api.domain.edit_lock import EditLock, Grant, LockHeld, acquire, held
from session_api.domain.readiness import TaskStanding, open_tasks

FIRST_STEP, LAST_STEP = 1, 5
OPEN = frozenset({SessionStatus.DRAFT, SessionStatus.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands in the database."""

    id: int
    tenant_id: int
    status: SessionStatus
    current_step: int
    provider_connection_id: int | None
    assigned_to_user_id: int | None
    lock: EditLock | None


class Keep:
    """Stands for a field that a change does not mention."""


KEEP = Keep()


@dataclass(frozen=True, slots=True)
class Change:
    """What the caller wants to be different; ``KEEP`` = as it is, None = none."""

    current_step: int | Keep = KEEP
    assigned_to_user_id: int | Keep | None = KEEP
    provider_connection_id: int | Keep | None = KEEP
    takeover: bool = False


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the session's history: the action and the values before and after it."""

    action: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the session, what its history says, and what other services hear."""

    session: Session
    history: tuple[HistoryEntry, ...] = ()
    events: tuple[SessionEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The session is completed or abandoned."""

    status: SessionStatus


@dataclass(frozen=True, slots=True)
class StepOutOfOrder:
    """The wizard goes forward one step at a time, and is completed from its last step."""

    current_step: int


@dataclass(frozen=True, slots=True)
class StepNotReady:
    """``tasks`` are required in the current step and neither ok nor warn."""

    step: int
    tasks: tuple[TaskStanding, ...]


Refusal = SessionClosed | LockHeld | StepOutOfOrder | StepNotReady


def started(session: Session, caller: int) -> Outcome:
    """The session was just inserted, with the edit lock held by the caller."""
    return Outcome(
        session,
        (HistoryEntry("session_started", after={"status": session.status, "current_step": session.current_step}),),
        (SessionStarted(tenant_id=session.tenant_id, session_id=session.id, by_user_id=caller),),
    )


def resume(session: Session, caller: int, now: datetime, lasts: timedelta) -> Outcome:
    """Take or renew the edit lock where it is free; another's lock stays where it is."""
    granted = acquire(session.lock, caller, now, lasts, takeover=False)
    if isinstance(granted, LockHeld):
        return Outcome(session)
    return Outcome(replace(session, lock=granted.lock), _lock_history(session, granted, now))


def change(
    session: Session, wanted: Change, caller: int, now: datetime, lasts: timedelta, standings: Sequence[TaskStanding]
) -> Outcome | Refusal:
    """Apply a change under the edit lock. One that changes nothing renews the lock and leaves no history."""
    if session.status not in OPEN:
        return SessionClosed(session.status)
    granted = acquire(session.lock, caller, now, lasts, takeover=wanted.takeover)
    if isinstance(granted, LockHeld):
        return granted
    if not isinstance(wanted.current_step, Keep):
        refusal = _step_refusal(session, wanted.current_step, standings)
        if refusal is not None:
            return refusal
    return _changed(session, wanted, caller, granted, now)


def complete(
    session: Session, caller: int, now: datetime, lasts: timedelta, standings: Sequence[TaskStanding]
) -> Outcome | Refusal:
    """End the session well, from its last step. Completing it again changes nothing."""
    if session.status is SessionStatus.COMPLETED:
        return Outcome(session)
    refusal = _not_editable(session, caller, now, lasts)
    if refusal is not None:
        return refusal
    if session.current_step != LAST_STEP:
        return StepOutOfOrder(session.current_step)
    missing = open_tasks(LAST_STEP, standings)
    if missing:
        return StepNotReady(LAST_STEP, missing)
    event = SessionCompleted(tenant_id=session.tenant_id, session_id=session.id, by_user_id=caller)
    return _ended(session, SessionStatus.COMPLETED, HistoryEntry("session_completed"), event)


def abandon(session: Session, reason: str | None, caller: int, now: datetime, lasts: timedelta) -> Outcome | Refusal:
    """Give the session up, from any step. Abandoning it again changes nothing."""
    if session.status is SessionStatus.ABANDONED:
        return Outcome(session)
    refusal = _not_editable(session, caller, now, lasts)
    if refusal is not None:
        return refusal
    event = SessionAbandoned(tenant_id=session.tenant_id, session_id=session.id, by_user_id=caller, reason=reason)
    entry = HistoryEntry("session_abandoned", after={"reason": reason})
    return _ended(session, SessionStatus.ABANDONED, entry, event)


def _not_editable(session: Session, caller: int, now: datetime, lasts: timedelta) -> SessionClosed | LockHeld | None:
    if session.status not in OPEN:
        return SessionClosed(session.status)
    granted = acquire(session.lock, caller, now, lasts, takeover=False)
    return granted if isinstance(granted, LockHeld) else None


def _ended(session: Session, status: SessionStatus, entry: HistoryEntry, event: SessionEvent) -> Outcome:
    line = replace(entry, before={"status": session.status}, after={"status": status, **(entry.after or {})})
    return Outcome(replace(session, status=status, lock=None), (line,), (event,))


def _step_refusal(session: Session, to_step: int, standings: Sequence[TaskStanding]) -> Refusal | None:
    if to_step <= session.current_step:
        return None
    if to_step > session.current_step + 1:
        return StepOutOfOrder(session.current_step)
    missing = open_tasks(session.current_step, standings)
    return StepNotReady(session.current_step, missing) if missing else None


def _changed(session: Session, wanted: Change, caller: int, granted: Grant, now: datetime) -> Outcome:
    history = list(_lock_history(session, granted, now))
    events: list[SessionEvent] = []
    about = {"tenant_id": session.tenant_id, "session_id": session.id, "by_user_id": caller}
    if granted.taken_from is not None:
        events.append(SessionTakenOver(**about, from_user_id=granted.taken_from))
    changed: dict[str, Any] = {}

    step = wanted.current_step
    if not isinstance(step, Keep) and step != session.current_step:
        changed["current_step"] = step
        history.append(_difference("step_changed", "current_step", session.current_step, step))
        events.append(SessionStepChanged(**about, from_step=session.current_step, to_step=step))
    assignee = wanted.assigned_to_user_id
    if not isinstance(assignee, Keep) and assignee != session.assigned_to_user_id:
        changed["assigned_to_user_id"] = assignee
        history.append(_difference("assigned", "assigned_to_user_id", session.assigned_to_user_id, assignee))
        events.append(SessionAssigned(**about, from_user_id=session.assigned_to_user_id, to_user_id=assignee))
    chosen, chosen_before = wanted.provider_connection_id, session.provider_connection_id
    if not isinstance(chosen, Keep) and chosen != chosen_before:
        changed["provider_connection_id"] = chosen
        history.append(_difference("connection_chosen", "provider_connection_id", chosen_before, chosen))
        events.append(SessionConnectionChosen(**about, from_connection_id=chosen_before, to_connection_id=chosen))

    if changed or granted.taken_from is not None:
        changed["status"] = SessionStatus.IN_PROGRESS
        if session.status is SessionStatus.DRAFT:
            history.append(_difference("status_changed", "status", session.status, SessionStatus.IN_PROGRESS))
    return Outcome(replace(session, lock=granted.lock, **changed), tuple(history), tuple(events))


def _lock_history(session: Session, granted: Grant, now: datetime) -> tuple[HistoryEntry, ...]:
    """A renewal is no change of hands and would only fill the history."""
    if granted.taken_from is not None:
        return (_difference("taken_over", "locked_by_user_id", granted.taken_from, granted.lock.user_id),)
    current = held(session.lock, now)
    if current is None:
        return (_difference("lock_taken", "locked_by_user_id", None, granted.lock.user_id),)
    return ()


def _difference(action: str, field: str, before: object, after: object) -> HistoryEntry:
    return HistoryEntry(action, {field: before}, {field: after})
