"""The secrets of consent links, and the answers with one that are kept for an Idempotency-Key."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

SECRET_BYTES = 32
_CONCEALED = re.compile(rb"<([0-9a-f]{32})\.([0-9a-f]{64})>")


@dataclass(frozen=True, slots=True)
class LinkSecret:
    """A new secret. Who has ``number`` and the service's own secret can make it again."""

    secret: str = field(repr=False)
    number: str

    def conceal(self, body: bytes) -> bytes:
        """The body with the number and the hash of the secret in its place."""
        digest = hashlib.sha256(self.secret.encode()).hexdigest()
        return body.replace(self.secret.encode(), f"<{self.number}.{digest}>".encode())


class LinkSecrets:
    """Makes secrets. A concealed one is made again from the service's own secrets, which no database has."""

    def __init__(self, own: Sequence[str]) -> None:
        """``own``: the newest first. Without any, a concealed secret stays unknown."""
        self._own = [secret.encode() for secret in own]

    def new(self) -> LinkSecret:
        """A secret of 256 bits."""
        number = secrets.token_hex(16)
        secret = _made(self._own[0], number) if self._own else secrets.token_urlsafe(SECRET_BYTES)
        return LinkSecret(secret, number)

    def reveal(self, body: bytes) -> bytes:
        """The body as it was answered the first time; without ``url`` where the secret cannot be made any more."""
        concealed = _CONCEALED.search(body)
        if concealed is None:
            return body
        number, digest = concealed[1].decode(), concealed[2].decode()
        for own in self._own:
            secret = _made(own, number).encode()
            if hashlib.sha256(secret).hexdigest() == digest:
                return body.replace(concealed[0], secret)
        return msgspec.json.encode({**msgspec.json.decode(body), "url": None})


def _made(own: bytes, number: str) -> str:
    digest = hmac.digest(own, f"consent link\n{number}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
