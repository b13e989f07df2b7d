"""The credentials that the operator defines by name, with the tenants and clouds that may use each."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath, PurePosixPath
from typing import Any

from onboarding_shared.contracts.clouds import CLOUDS
from onboarding_shared.contracts.credentials import CREDENTIAL_NAME_PATTERN
from onboarding_shared.contracts.types import GUID_PATTERN, MAX_ID

OUR_OWN = ("DATABASE_URL", "KAFKA_", "ONBOARDING_JWKS", "ONBOARDING_PROVIDER_PROXY", "OTEL_")
"""Beginnings of the names of variables that are never used as credentials."""
NOT_FILES = ("/proc", "/sys", "/dev")
"""Folders without files of credentials."""
ALL_TENANTS = "all"

_MEMBERS = frozenset({"kind", "source", "client_id", "tenants", "clouds"})
_NAME = re.compile(CREDENTIAL_NAME_PATTERN)
_GUID = re.compile(GUID_PATTERN)
_ENVIRONMENT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,127}")
_FILE = re.compile(r"file:/[^\x00-\x1f\x7f]{1,400}")


class CredentialKind(StrEnum):
    """The kind of proof of an application's identity."""

    SECRET = "secret"  # noqa: S105 - the name of a kind
    CERTIFICATE = "certificate"
    FEDERATED_TOKEN_FILE = "federated_token_file"  # noqa: S105 - the name of a kind
    MANAGED_IDENTITY = "managed_identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCredential:
    """A credential of the application ``client_id``; contains no secret.

    ``source`` is ``env:NAME`` or ``file:/path``, for a managed identity its client id. ``tenants`` are tenant ids of
    the platform, None = all; a run needs a tenant binding as well.
    """

    name: str
    kind: CredentialKind
    source: str
    client_id: str
    tenants: frozenset[int] | None = None
    clouds: frozenset[str] = frozenset(CLOUDS)

    def allows_tenant(self, tenant_id: int) -> bool:
        """True if runs of this tenant may use it."""
        return self.tenants is None or tenant_id in self.tenants


def parse_credentials(text: str) -> dict[str, NamedCredential]:
    """The credentials in a text of JSON or TOML. Raises ``ValueError``, which names the entry and repeats no value."""
    entries = _json(text) if text.lstrip().startswith("{") else _toml(text)
    return {name: _checked(number, name, entry) for number, (name, entry) in enumerate(entries.items(), start=1)}


def is_usable_source(source: str) -> bool:
    """True if a source is ``env:NAME`` or ``file:/path`` outside our own variables and the system's folders."""
    if _ENVIRONMENT.fullmatch(source):
        return not source.removeprefix("env:").startswith(OUR_OWN)
    return _is_file(source)


def _json(text: str) -> dict[str, Any]:
    try:
        return json.loads(text, object_pairs_hook=_without_repetition)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: line {error.lineno}, column {error.colno}") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("has a name twice")
    return members


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at [a-z0-9, ]+\)$", str(error))
        raise ValueError(f"is neither a JSON object nor TOML {place.group() if place else ''}".rstrip()) from None


def _checked(number: int, name: str, entry: Any) -> NamedCredential:
    if not _NAME.fullmatch(name):
        raise ValueError(f"the name of entry {number} does not match {CREDENTIAL_NAME_PATTERN}")
    try:
        return _credential(name, entry)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _credential(name: str, entry: Any) -> NamedCredential:
    if not isinstance(entry, dict) or entry.keys() - _MEMBERS:
        raise ValueError(f"must have these members and no other: {', '.join(sorted(_MEMBERS))}")
    kind = entry.get("kind")
    if kind not in tuple(CredentialKind):
        raise ValueError(f"kind must be one of {', '.join(CredentialKind)}")
    client_id = entry.get("client_id")
    if not isinstance(client_id, str) or not _GUID.fullmatch(client_id):
        raise ValueError("client_id must be the GUID of the application")
    return NamedCredential(
        name=name,
        kind=CredentialKind(kind),
        source=_source(CredentialKind(kind), entry.get("source")),
        client_id=client_id.lower(),
        tenants=_tenants(entry),
        clouds=_clouds(entry),
    )


def _source(kind: CredentialKind, source: Any) -> str:
    text = source if isinstance(source, str) else ""
    if kind is CredentialKind.MANAGED_IDENTITY:
        if not _GUID.fullmatch(text):
            raise ValueError("source must be the client id of the user-assigned identity")
        return text.lower()
    if kind is CredentialKind.FEDERATED_TOKEN_FILE:
        if not _is_file(text):
            raise ValueError("source must be file:/absolute/path, outside /proc, /sys and /dev")
        return text
    if not is_usable_source(text):
        raise ValueError("source must be env:NAME or file:/absolute/path, and none of the runner's own variables")
    return text


def _is_file(source: str) -> bool:
    path = PurePosixPath(source.removeprefix("file:"))
    return bool(_FILE.fullmatch(source)) and ".." not in path.parts and not is_of_the_system(path)


def is_of_the_system(path: PurePath) -> bool:
    """True if a path is in a folder without files of credentials."""
    return any(path.is_relative_to(folder) for folder in NOT_FILES)


def _tenants(entry: Mapping[str, Any]) -> frozenset[int] | None:
    tenants = entry.get("tenants")
    if tenants == ALL_TENANTS:
        return None
    if not isinstance(tenants, list) or not tenants or not all(_is_tenant(tenant) for tenant in tenants):
        raise ValueError('tenants must be "all" or a list of tenant ids')
    return frozenset(tenants)


def _is_tenant(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_ID


def _clouds(entry: Mapping[str, Any]) -> frozenset[str]:
    clouds = entry.get("clouds", list(CLOUDS))
    if not isinstance(clouds, list) or not clouds or not all(cloud in tuple(CLOUDS) for cloud in clouds):
        raise ValueError(f"clouds must be a list of {', '.join(CLOUDS)}")
    return frozenset(clouds)
