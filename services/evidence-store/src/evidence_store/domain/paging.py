"""The filter of a list of evidence, and the cursor of its next page.

A cursor contains a position in the tenant's chain and a digest of the position, the tenant and the filter. It grants
no access: tenant and filter are taken from the request. A modified cursor, or one of another list, is rejected.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from onboarding_shared.contracts.types import MAX_ID

_POSITION_BYTES = 8
_DIGEST_BYTES = 13
"""Position and digest have 21 bytes together: their Base64 text has no padding and is unambiguous."""
_TEXT_LENGTH = 28


class EvidenceFilter(NamedTuple):
    """Conditions on a tenant's evidence; None matches all. ``since`` is inclusive, ``until`` exclusive."""

    task_type: str | None = None
    status: str | None = None
    reason_code: str | None = None
    session_id: int | None = None
    run_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class CursorInvalid(ValueError):
    """A text that is not a cursor of this list."""


def write_cursor(tenant_id: int, wanted: EvidenceFilter, position: int) -> str:
    """Return the cursor of the page whose items have positions below ``position``."""
    position_bytes = position.to_bytes(_POSITION_BYTES, "big")
    return urlsafe_b64encode(position_bytes + _digest(tenant_id, wanted, position_bytes)).decode()


def read_cursor(tenant_id: int, wanted: EvidenceFilter, cursor: str) -> int:
    """Return the position in a cursor: the items of the page are below it. Raise ``CursorInvalid``."""
    if len(cursor) != _TEXT_LENGTH or not cursor.isascii():
        raise CursorInvalid("The text does not have the format of a cursor.")
    try:
        raw = urlsafe_b64decode(cursor)
    except ValueError:
        raise CursorInvalid("The text does not have the format of a cursor.") from None
    position_bytes, digest = raw[:_POSITION_BYTES], raw[_POSITION_BYTES:]
    if not hmac.compare_digest(digest, _digest(tenant_id, wanted, position_bytes)):
        raise CursorInvalid("The cursor belongs to another list, or was modified.")
    position = int.from_bytes(position_bytes, "big")
    if position > MAX_ID:
        raise CursorInvalid("The position in the cursor is out of range.")
    return position


def _digest(tenant_id: int, wanted: EvidenceFilter, position_bytes: bytes) -> bytes:
    return blake2b(repr((tenant_id, *wanted)).encode() + position_bytes, digest_size=_DIGEST_BYTES).digest()
