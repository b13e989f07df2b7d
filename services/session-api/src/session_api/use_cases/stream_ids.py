"""Ids of events: positions that only instances of the service can read.

The offsets of a position count the messages of all tenants, so a caller must not see how they grow. AES-SIV (RFC 5297)
with a random nonce: two ids of one position have nothing in common.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

MOST_CHARACTERS = 8_000
"""A longer id would not fit into the headers of a request."""
_NONCE_BYTES = 16
_PURPOSE = b"stream position"


class StreamIds:
    """Makes ids of positions and reads them again. Instances with a secret in common read each other's ids."""

    def __init__(self, own: Sequence[str]) -> None:
        """``own``: the secrets, the newest first. Without any, only this object reads its ids."""
        keys = [hmac.digest(secret.encode(), _PURPOSE, hashlib.sha512) for secret in own]
        self._ciphers = [AESSIV(key) for key in keys or [secrets.token_bytes(64)]]

    def sealed(self, position: bytes) -> str:
        """A new id of the position."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        content = nonce + self._ciphers[0].encrypt(position, [nonce])
        return urlsafe_b64encode(content).rstrip(b"=").decode()

    def opened(self, event_id: str) -> bytes | None:
        """The position of an id; None for what is no id of these secrets."""
        if len(event_id) > MOST_CHARACTERS or not event_id.isascii():
            return None
        try:
            content = b64decode(event_id + "=" * (-len(event_id) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        nonce, closed = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(closed, [nonce])
            except (InvalidTag, ValueError):
                continue
        return None
