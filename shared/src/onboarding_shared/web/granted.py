"""The subject of a verified token, and its permissions."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from msgspec import Struct

from onboarding_shared.contracts.types import is_visible

FIRST_DERIVED_ID = 2**52
LAST_DERIVED_ID = 2**53 - 1
"""User ids of an identity provider's subjects: JavaScript keeps integers up to here exactly."""
MAX_SUBJECT = 255
MAX_NAME = 200


class TokenRefused(Exception):
    """The token must not be believed; the text says which rule it breaks."""


class UserNotKept(Exception):
    """The user of a token could not be looked up; the token itself is good."""


class Person(Struct, frozen=True):
    """A user as an issuer names it. ``is_derived``: the id was made of issuer and subject."""

    user_id: int
    issuer: str
    subject: str
    display_name: str | None
    is_derived: bool


class Granted(Struct, frozen=True, kw_only=True):
    """The person of a token with its permissions: in single tenants, and everywhere."""

    person: Person
    permissions: Mapping[int, frozenset[str]]
    everywhere: frozenset[str] = frozenset()
    operates_platform: bool = False


def derived_id(issuer: str, subject: str) -> int:
    """The user id of a subject: the same in each service, whenever it is asked."""
    digest = sha256(b"\0".join((issuer.encode(), subject.encode()))).digest()
    return FIRST_DERIVED_ID | int.from_bytes(digest[:8]) >> 12


def display_name(*values: Any) -> str | None:
    """The first value that people can read in one line, cut to 200 characters."""
    for value in values:
        if isinstance(value, str) and (name := value.strip()[:MAX_NAME].rstrip()) and is_visible(name):
            return name
    return None
