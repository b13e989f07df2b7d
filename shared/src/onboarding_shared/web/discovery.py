"""Discovery documents of identity providers (OpenID Connect Discovery 1.0). Pure."""

from typing import Protocol, TypeVar

import msgspec

from onboarding_shared.process.urls import is_secure

WELL_KNOWN = "/.well-known/openid-configuration"
MAX_DOCUMENT_BYTES = 256 * 1024


class DiscoveryError(Exception):
    """The discovery document cannot be used."""


class WithIssuer(Protocol):
    """A struct of an ``issuer`` and addresses."""

    @property
    def issuer(self) -> str: ...


Wanted = TypeVar("Wanted", bound=WithIssuer)


class KeySetAddress(msgspec.Struct, frozen=True, kw_only=True):
    """The member of a discovery document that the check of tokens needs."""

    issuer: str
    jwks_uri: str


def discovery_url(issuer: str) -> str:
    """The address of the discovery document of an issuer, with or without a slash at its end."""
    return f"{issuer.rstrip('/')}{WELL_KNOWN}"


def read_discovery(document: bytes, issuer: str, wanted: type[Wanted]) -> Wanted:
    """The wanted members of a document of this issuer, whose addresses are https. Raises ``DiscoveryError``."""
    try:
        members = msgspec.json.decode(document, type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DiscoveryError(f"no discovery document: {error}") from error
    if members.issuer.rstrip("/") != issuer.rstrip("/"):
        raise DiscoveryError(f"the document is of another issuer, {members.issuer[:200]}")
    for name, url in msgspec.structs.asdict(members).items():  # type: ignore[type-var]
        if name != "issuer" and url is not None and not is_secure(url):
            raise DiscoveryError(f"{url[:200]} is no https address")
    return members
