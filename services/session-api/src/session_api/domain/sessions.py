"""The rules of an onboarding session. Each returns the updated session, or the reason for a refusal."""

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
from onboarding_shared.contracts.types import LAST_STEP, SessionStatus
from session_api.domain.edit_lock import EditLock, Grant, LockHeld, acquire, held
from session_api.domain.history import HistoryAction, NewHistoryEntry
from session_api.domain.readiness import STEPS, TaskReadiness, open_tasks

OPEN = frozenset({SessionStatus.DRAFT, SessionStatus.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Session:
    """A stored session."""

    id: int
    tenant_id: int
    status: SessionStatus
    current_step: int
    provider_connection_id: int | None
    assigned_to_user_id: int | None
    lock: EditLock | None


class Keep:
    """Type of ``KEEP``: the field does not change."""


KEEP = Keep()


@dataclass(frozen=True, slots=True)
class Change:
    """A requested change; ``KEEP`` does not change a field, None clears it."""

    current_step: int | Keep = KEEP
    assigned_to_user_id: int | Keep | None = KEEP
    provider_connection_id: int | Keep | None = KEEP
    takeover: bool = False


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """The updated session, its new history entries, and the events to publish."""

    session: Session
    history: tuple[NewHistoryEntry, ...] = ()
    events: tuple[SessionEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The session is completed or abandoned."""

    status: SessionStatus


@dataclass(frozen=True, slots=True)
class StepOutOfOrder:
    """The change skips a step, or the session is not at its last step when it is completed."""

    current_step: int


@dataclass(frozen=True, slots=True)
class StepNotReady:
    """``tasks`` are required tasks of the current step that are neither ok nor warn."""

    step: int
    tasks: tuple[TaskReadiness, ...]


ChangeRefusal = SessionClosed | LockHeld | StepOutOfOrder | StepNotReady


def started(session: Session, caller: int) -> SessionUpdate:
    """Return the update of a session that was just inserted, with the edit lock held by the caller."""
    return SessionUpdate(
        session,
        (
            NewHistoryEntry(
                HistoryAction.SESSION_STARTED, after={"status": session.status, "current_step": session.current_step}
            ),
        ),
        (SessionStarted(tenant_id=session.tenant_id, session_id=session.id, by_user_id=caller),),
    )


def resume(session: Session, caller: int, now: datetime, lasts: timedelta) -> SessionUpdate:
    """Take or renew the edit lock, unless another user holds it."""
    granted = acquire(session.lock, caller, now, lasts, takeover=False)
    if isinstance(granted, LockHeld):
        return SessionUpdate(session)
    return SessionUpdate(replace(session, lock=granted.lock), _lock_history(session, granted, now))


def change(
    session: Session, wanted: Change, caller: int, now: datetime, lasts: timedelta, tasks: Sequence[TaskReadiness]
) -> SessionUpdate | ChangeRefusal:
    """Apply a change under the edit lock. A change without effect renews the lock and adds no history entry."""
    if session.status not in OPEN:
        return SessionClosed(session.status)
    granted = acquire(session.lock, caller, now, lasts, takeover=wanted.takeover)
    if isinstance(granted, LockHeld):
        return granted
    if not isinstance(wanted.current_step, Keep):
        refusal = _step_refusal(session, wanted.current_step, tasks)
        if refusal is not None:
            return refusal
    return _changed(session, wanted, caller, granted, now)


def complete(
    session: Session, caller: int, now: datetime, lasts: timedelta, tasks: Sequence[TaskReadiness]
) -> SessionUpdate | ChangeRefusal:
    """Complete the session, from its last step, when every step is ready; idempotent."""
    if session.status is SessionStatus.COMPLETED:
        return SessionUpdate(session)
    refusal = _not_editable(session, caller, now, lasts)
    if refusal is not None:
        return refusal
    if session.current_step != LAST_STEP:
        return StepOutOfOrder(session.current_step)
    # Every step: the connection may have been changed after a step was left, and evidence expires.
    for step in STEPS:
        missing = open_tasks(step, tasks)
        if missing:
            return StepNotReady(step, missing)
    event = SessionCompleted(tenant_id=session.tenant_id, session_id=session.id, by_user_id=caller)
    return _ended(session, SessionStatus.COMPLETED, NewHistoryEntry(HistoryAction.SESSION_COMPLETED), event)


def abandon(
    session: Session, reason: str | None, caller: int, now: datetime, lasts: timedelta
) -> SessionUpdate | ChangeRefusal:
    """Abandon the session, at any step; idempotent."""
    if session.status is SessionStatus.ABANDONED:
        return SessionUpdate(session)
    refusal = _not_editable(session, caller, now, lasts)
    if refusal is not None:
        return refusal
    event = SessionAbandoned(tenant_id=session.tenant_id, session_id=session.id, by_user_id=caller, reason=reason)
    entry = NewHistoryEntry(HistoryAction.SESSION_ABANDONED, after={"reason": reason})
    return _ended(session, SessionStatus.ABANDONED, entry, event)


def release(session: Session, caller: int, now: datetime, lasts: timedelta) -> SessionUpdate | ChangeRefusal:
    """Give the edit lock back; idempotent. A lock of another user is left alone."""
    if session.status not in OPEN or held(session.lock, now) is None:
        return SessionUpdate(session)
    refusal = _not_editable(session, caller, now, lasts)
    if refusal is not None:
        return refusal
    entry = _difference(HistoryAction.LOCK_RELEASED, "locked_by_user_id", caller, None)
    return SessionUpdate(replace(session, lock=None), (entry,))


def _not_editable(session: Session, caller: int, now: datetime, lasts: timedelta) -> SessionClosed | LockHeld | None:
    if session.status not in OPEN:
        return SessionClosed(session.status)
    granted = acquire(session.lock, caller, now, lasts, takeover=False)
    return granted if isinstance(granted, LockHeld) else None


def _ended(session: Session, status: SessionStatus, entry: NewHistoryEntry, event: SessionEvent) -> SessionUpdate:
    full_entry = replace(entry, before={"status": session.status}, after={"status": status, **(entry.after or {})})
    return SessionUpdate(replace(session, status=status, lock=None), (full_entry,), (event,))


def _step_refusal(session: Session, to_step: int, tasks: Sequence[TaskReadiness]) -> ChangeRefusal | None:
    if to_step <= session.current_step:
        return None
    if to_step > session.current_step + 1:
        return StepOutOfOrder(session.current_step)
    missing = open_tasks(session.current_step, tasks)
    return StepNotReady(session.current_step, missing) if missing else None


def _changed(session: Session, wanted: Change, caller: int, granted: Grant, now: datetime) -> SessionUpdate:
    history = list(_lock_history(session, granted, now))
    events: list[SessionEvent] = []
    attributes = {"tenant_id": session.tenant_id, "session_id": session.id, "by_user_id": caller}
    if granted.taken_from is not None:
        events.append(SessionTakenOver(**attributes, from_user_id=granted.taken_from))
    changed: dict[str, Any] = {}

    step = wanted.current_step
    if not isinstance(step, Keep) and step != session.current_step:
        changed["current_step"] = step
        history.append(_difference(HistoryAction.STEP_CHANGED, "current_step", session.current_step, step))
        events.append(SessionStepChanged(**attributes, from_step=session.current_step, to_step=step))
    assignee = wanted.assigned_to_user_id
    if not isinstance(assignee, Keep) and assignee != session.assigned_to_user_id:
        changed["assigned_to_user_id"] = assignee
        history.append(
            _difference(HistoryAction.ASSIGNED, "assigned_to_user_id", session.assigned_to_user_id, assignee)
        )
        events.append(SessionAssigned(**attributes, from_user_id=session.assigned_to_user_id, to_user_id=assignee))
    chosen, chosen_before = wanted.provider_connection_id, session.provider_connection_id
    if not isinstance(chosen, Keep) and chosen != chosen_before:
        changed["provider_connection_id"] = chosen
        history.append(_difference(HistoryAction.CONNECTION_CHOSEN, "provider_connection_id", chosen_before, chosen))
        events.append(SessionConnectionChosen(**attributes, from_connection_id=chosen_before, to_connection_id=chosen))

    if changed or granted.taken_from is not None:
        changed["status"] = SessionStatus.IN_PROGRESS
        if session.status is SessionStatus.DRAFT:
            history.append(
                _difference(HistoryAction.STATUS_CHANGED, "status", session.status, SessionStatus.IN_PROGRESS)
            )
    return SessionUpdate(replace(session, lock=granted.lock, **changed), tuple(history), tuple(events))


def _lock_history(session: Session, granted: Grant, now: datetime) -> tuple[NewHistoryEntry, ...]:
    """Return the history entry of a lock that changed hands; a renewal has none."""
    if granted.taken_from is not None:
        return (_difference(HistoryAction.TAKEN_OVER, "locked_by_user_id", granted.taken_from, granted.lock.user_id),)
    current = held(session.lock, now)
    if current is None:
        return (_difference(HistoryAction.LOCK_TAKEN, "locked_by_user_id", None, granted.lock.user_id),)
    return ()


def _difference(action: HistoryAction, field: str, before: object, after: object) -> NewHistoryEntry:
    return NewHistoryEntry(action, {field: before}, {field: after})
