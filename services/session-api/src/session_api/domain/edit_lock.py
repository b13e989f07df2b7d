"""The edit lock of a session: held by one user until it expires or is taken over."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class EditLock:
    """An edit lock, held by ``user_id`` until ``until``."""

    user_id: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """The caller holds ``lock``. ``taken_from`` is the user it was taken over from, if any."""

    lock: EditLock
    taken_from: int | None = None


@dataclass(frozen=True, slots=True)
class LockHeld:
    """Another user holds ``lock``, which expires after ``remaining`` unless it is renewed."""

    lock: EditLock
    remaining: timedelta


def held(lock: EditLock | None, now: datetime) -> EditLock | None:
    """Return the lock, or None if it has expired."""
    return lock if lock is not None and lock.until > now else None


def acquire(lock: EditLock | None, caller: int, now: datetime, lasts: timedelta, *, takeover: bool) -> Grant | LockHeld:
    """Renew the caller's lock, take a free or expired one, or with ``takeover`` another user's."""
    current = held(lock, now)
    new_lock = EditLock(user_id=caller, until=now + lasts)
    if current is None or current.user_id == caller:
        return Grant(new_lock)
    if takeover:
        return Grant(new_lock, taken_from=current.user_id)
    return LockHeld(current, current.until - now)
