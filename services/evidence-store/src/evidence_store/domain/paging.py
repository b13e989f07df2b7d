"""The filter of a list of evidence, and the cursor of its next page.

A cursor holds a position in the tenant's chain and a digest of it, the tenant and the filter. It gives no rights: the
tenant and the filter of a request count, and a cursor that was changed, or comes from another list, is refused.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from onboarding_shared.contracts.types import MAX_ID

_POSITION_BYTES = 8
_DIGEST_BYTES = 13
"""Together 21 bytes, so that the text has no padding: every other spelling of it is another text."""
_TEXT_LENGTH = 28


class EvidenceFilter(NamedTuple):
    """A filter of a tenant's evidence; None matches all. ``since`` is inclusive, ``until`` exclusive."""

    task_type: str | None = None
    status: str | None = None
    reason_code: str | None = None
    session_id: int | None = None
    run_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class CursorInvalid(ValueError):
    """The text is not a cursor of this list."""


def write_cursor(tenant_id: int, wanted: EvidenceFilter, position: int) -> str:
    """The cursor of the page that goes on below ``position``."""
    place = position.to_bytes(_POSITION_BYTES, "big")
    return urlsafe_b64encode(place + _digest(tenant_id, wanted, place)).decode()


def read_cursor(tenant_id: int, wanted: EvidenceFilter, cursor: str) -> int:
    """The position below which the page begins. Raises ``CursorInvalid``."""
    if len(cursor) != _TEXT_LENGTH or not cursor.isascii():
        raise CursorInvalid("The cursor does not have the form of a cursor.")
    try:
        raw = urlsafe_b64decode(cursor)
    except ValueError:
        raise CursorInvalid("The cursor does not have the form of a cursor.") from None
    place, digest = raw[:_POSITION_BYTES], raw[_POSITION_BYTES:]
    if not hmac.compare_digest(digest, _digest(tenant_id, wanted, place)):
        raise CursorInvalid("The cursor belongs to another list, or was changed.")
    position = int.from_bytes(place, "big")
    if position > MAX_ID:
        raise CursorInvalid("The cursor points nowhere.")
    return position


def _digest(tenant_id: int, wanted: EvidenceFilter, place: bytes) -> bytes:
    return blake2b(repr((tenant_id, *wanted)).encode() + place, digest_size=_DIGEST_BYTES).digest()
