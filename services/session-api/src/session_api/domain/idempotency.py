"""Requests that take effect once, however often they are sent (draft-ietf-httpapi-idempotency-key-header)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an Idempotency-Key: whose, of which operation, and the SHA-256 of its path and body."""

    tenant_id: int
    user_id: int
    operation: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer of a request that has changed something."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class AnsweredBefore(Exception):
    """The request has taken effect already; ``answer`` is what was answered."""

    def __init__(self, answer: KeptAnswer) -> None:
        super().__init__("answered before")
        self.answer = answer


class KeyOfAnother(Exception):
    """The key belongs to an earlier request that was different."""


class KeyInProgress(Exception):
    """A request with the same key is in progress."""
