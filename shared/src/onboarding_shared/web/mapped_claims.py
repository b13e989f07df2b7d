"""Reads who a token of an identity provider is for, and what it permits, as the settings map its claims. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from onboarding_shared.contracts.permissions import ALL_TENANTS, MAX_ROLES, MAX_TENANTS, Permissions, Role
from onboarding_shared.contracts.types import MAX_ID, is_visible
from onboarding_shared.web.claim_paths import ClaimPath, claim_at, claim_path
from onboarding_shared.web.granted import MAX_SUBJECT, Granted, Person, TokenRefused, derived_id, display_name

_TENANT = re.compile(r"[1-9][0-9]{0,18}\Z")
_ACCESS_TYPES = frozenset({"bearer", "jwt", "at+jwt"})
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash")


class RegisteredClaims(Struct, frozen=True):
    """The claims that every token of a provider carries. Keycloak and Auth0 issue no ``nbf``."""

    iss: str
    aud: str | list[str]
    exp: float
    nbf: float | None = None
    iat: float | None = None


class ClaimMapping(Struct, frozen=True, kw_only=True):
    """The places of the claims in a token, and the grant of each value of a role."""

    user: ClaimPath
    names: tuple[ClaimPath, ...]
    tenants: ClaimPath
    role_claims: tuple[ClaimPath, ...]
    roles: Mapping[str, Role]

    @classmethod
    def of(
        cls, *, user: str, names: Sequence[str], tenants: str, role_claims: Sequence[str], roles: Mapping[str, Role]
    ) -> "ClaimMapping":
        """The mapping whose places are written as in the settings."""
        return cls(
            user=claim_path(user),
            names=tuple(claim_path(name) for name in names),
            tenants=claim_path(tenants),
            role_claims=tuple(claim_path(claim) for claim in role_claims),
            roles=roles,
        )

    def granted(self, claims: Mapping[str, Any]) -> Granted:
        """The subject and the permissions of a token with these verified claims. Raises ``TokenRefused``."""
        _check_is_access_token(claims)
        issuer, subject = claims["iss"], claim_at(claims, self.user)
        if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT or not is_visible(subject):
            raise TokenRefused("its user is not a text of 1 to 255 characters")
        name = display_name(*(claim_at(claims, path) for path in self.names))
        person = Person(derived_id(issuer, subject), issuer, subject, name, is_derived=True)
        given = [self.roles[value] for value in self._role_values(claims) if value in self.roles]
        return Granted(
            person=person,
            permissions=_by_tenant(given, frozenset(_tenant_ids(claim_at(claims, self.tenants)))),
            everywhere=frozenset(
                name for role in given if role.tenants == ALL_TENANTS for name in role.permissions
            ).intersection(Permissions.ALL),
            operates_platform=any(Permissions.PLATFORM in role.permissions for role in given),
        )

    def _role_values(self, claims: Mapping[str, Any]) -> list[str]:
        values = [value for path in self.role_claims for value in _texts(claim_at(claims, path))]
        if len(values) > MAX_ROLES:
            raise TokenRefused(f"it has more than {MAX_ROLES} roles")
        return values


def registered_claims(claims: Mapping[str, Any]) -> RegisteredClaims:
    """The claims of every token. Raises ``msgspec.ValidationError``."""
    return msgspec.convert(claims, RegisteredClaims)


def _check_is_access_token(claims: Mapping[str, Any]) -> None:
    """Raises for an ID token, for another kind of Keycloak's tokens, and for one that is bound to a key."""
    kind = claims.get("typ")
    if kind is not None and not (isinstance(kind, str) and kind.lower() in _ACCESS_TYPES):
        raise TokenRefused("it is no access token (typ)")
    if kind is None and any(name in claims for name in _OF_ID_TOKENS):
        raise TokenRefused("it is an ID token (nonce, at_hash or c_hash)")
    if "cnf" in claims:
        raise TokenRefused("it is bound to a key (cnf)")


def _texts(value: Any) -> Iterator[str]:
    """A list of texts, or a text of words such as a ``scope``. Other values give nothing."""
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, list):
        yield from (entry for entry in value if isinstance(entry, str))


def _tenant_ids(value: Any) -> Iterator[int]:
    """Ids as numbers or as texts, one or several. Raises ``TokenRefused`` for anything else."""
    if value is None:
        return
    entries = value.replace(",", " ").split() if isinstance(value, str) else value
    entries = entries if isinstance(entries, list) else [entries]
    if len(entries) > MAX_TENANTS:
        raise TokenRefused(f"it has more than {MAX_TENANTS} tenants")
    for entry in entries:
        is_number = isinstance(entry, int) and not isinstance(entry, bool)
        text = str(entry) if is_number else entry
        if not isinstance(text, str) or _TENANT.match(text) is None or int(text) > MAX_ID:
            raise TokenRefused("one of its tenants is not a tenant id")
        yield int(text)


def _by_tenant(given: Sequence[Role], own: frozenset[int]) -> Mapping[int, frozenset[str]]:
    """The permissions in each tenant. A tenant of the token without any permission is one that the caller knows of."""
    permissions: dict[int, set[str]] = {tenant: set() for tenant in own}
    for role in given:
        if role.tenants == ALL_TENANTS:
            continue
        for tenant in own if role.tenants is None else role.tenants:
            permissions.setdefault(int(tenant), set()).update(role.permissions)
    return {tenant: frozenset(names).intersection(Permissions.ALL) for tenant, names in permissions.items()}
