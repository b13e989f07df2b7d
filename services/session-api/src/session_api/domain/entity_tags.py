"""Entity tags of sessions (RFC 9110, 8.8.3): strong, so they differ whenever an answer about the session would."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from session_api.domain.edit_lock import held
from session_api.domain.sessions import Session

NO_SESSION = '"none"'
"""The entity tag of the answer that there is no session."""
ANY = "*"


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The session is not the one that the request expects; ``current`` is its entity tag."""

    current: str


def entity_tag(session: Session, updated_at: datetime, now: datetime) -> str:
    """The entity tag at ``now`` of the session that was last changed at ``updated_at``.

    An edit lock that has expired shows no more and does not count.
    """
    lock = held(session.lock, now)
    shown = (
        session.tenant_id,
        session.id,
        session.status.value,
        session.current_step,
        session.provider_connection_id,
        session.assigned_to_user_id,
        updated_at.isoformat(),
        None if lock is None else (lock.user_id, lock.until.isoformat()),
    )
    return f'"{sha256(repr(shown).encode()).hexdigest()[:32]}"'


def matches(expected: Collection[str] | None, current: str) -> bool:
    """True without a condition, and where ``expected`` has the current tag or ``*``. A weak tag never matches."""
    return expected is None or ANY in expected or current in expected
