"""The event of an edit lock that has another holder or another end."""

from datetime import datetime

from onboarding_shared.contracts.session_api import SessionLockChanged
from session_api.domain.edit_lock import EditLock, held
from session_api.domain.sessions import Session

RENEWAL_SECONDS = 10
"""A renewal is told once in this time at most, so that the end that others see is at most this much too early."""


def lock_event(before: EditLock | None, after: Session, caller: int, now: datetime) -> SessionLockChanged | None:
    """Return the event of the lock that was ``before`` and is now that of the session; None if nothing is to tell."""
    former, current = held(before, now), held(after.lock, now)
    if not _differ(former, current):
        return None
    return SessionLockChanged(
        tenant_id=after.tenant_id,
        session_id=after.id,
        by_user_id=caller,
        locked_by_user_id=None if current is None else current.user_id,
        locked_until=None if current is None else current.until,
    )


def _differ(former: EditLock | None, current: EditLock | None) -> bool:
    if former is None or current is None:
        return former is not current
    return former.user_id != current.user_id or _period(former) != _period(current)


def _period(lock: EditLock) -> int:
    return int(lock.until.timestamp() // RENEWAL_SECONDS)
