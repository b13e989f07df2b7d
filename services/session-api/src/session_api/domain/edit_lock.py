"""The edit lock of a session: one person edits, until a moment, and others may take over."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class EditLock:
    """Held by ``user_id`` until ``until``."""

    user_id: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """The caller holds ``lock`` now. ``taken_from`` is who held it a moment ago, unless it was the caller."""

    lock: EditLock
    taken_from: int | None = None


@dataclass(frozen=True, slots=True)
class LockHeld:
    """Somebody else holds ``lock``, for ``remaining`` longer unless they go on using it."""

    lock: EditLock
    remaining: timedelta


def held(lock: EditLock | None, now: datetime) -> EditLock | None:
    """The lock while it is valid; one that ran out is as good as none."""
    return lock if lock is not None and lock.until > now else None


def acquire(lock: EditLock | None, caller: int, now: datetime, lasts: timedelta, *, takeover: bool) -> Grant | LockHeld:
    """Renew the caller's lock, take a free or expired one, or take over another's where ``takeover`` says so."""
    current = held(lock, now)
    mine = EditLock(user_id=caller, until=now + lasts)
    if current is None or current.user_id == caller:
        return Grant(mine)
    if takeover:
        return Grant(mine, taken_from=current.user_id)
    return LockHeld(current, current.until - now)
