"""Checks one JSON Web Token by the rules of RFC 8725. Pure: keys and time come in, claims or a refusal come out."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from msgspec import Meta, Struct

from onboarding_shared.contracts.types import MAX_ID, Id
from onboarding_shared.web.key_sets import VerificationKey

MAX_TOKEN_BYTES = 8 * 1024
LEEWAY_SECONDS = 30.0
TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class TokenRefused(Exception):
    """The token must not be believed; the text says which rule it breaks."""


class TokenExpired(TokenRefused):
    """The token was good until it expired."""


class TokenHeader(Struct, frozen=True):
    """The header of a token, about its own signature. Nothing of it is trusted before the check."""

    alg: str
    kid: str
    typ: str
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


MAX_TENANTS = 1000
MAX_PERMISSIONS = 50

TenantText = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}\Z")]
Permission = Annotated[str, Meta(max_length=200)]
PermissionsByTenant = Annotated[
    dict[TenantText, Annotated[list[Permission], Meta(max_length=MAX_PERMISSIONS)]], Meta(max_length=MAX_TENANTS)
]


class Claims(Struct, frozen=True):
    """The claims a token of ours must carry; others are ignored.

    ``tenants`` is a list of tenants, in each of which ``permissions`` hold, or the permissions of each tenant.
    """

    iss: str
    aud: str | list[str]
    exp: float
    nbf: float
    sub: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}\Z")]
    iat: float | None = None
    tenants: list[Id] | PermissionsByTenant = []
    permissions: list[Permission] = []

    def permissions_by_tenant(self) -> Mapping[int, frozenset[str]]:
        """The permissions in each tenant of the token."""
        if isinstance(self.tenants, list):
            return dict.fromkeys(self.tenants, frozenset(self.permissions))
        return {int(tenant): frozenset(permissions) for tenant, permissions in self.tenants.items()}


class _AllowedAlgorithms(jws.JWSRegistry):
    """Only what the settings allow. joserfc's own warns at each use of EdDSA, which RFC 8725 does not mind."""

    def get_alg(self, name: str) -> jws.JWSAlgModel:
        if name not in (self.allowed or ()):
            raise TokenRefused("its algorithm is not allowed")
        return self.algorithms[name]


class TokenRules:
    """The issuer, audience and algorithms that a token must have."""

    def __init__(self, issuer: str, audience: str, algorithms: Collection[str]) -> None:
        self._issuer = issuer
        self._audience = audience
        self._algorithms = frozenset(algorithms)
        self._registry = _AllowedAlgorithms(algorithms=list(algorithms), strict_check_header=False)

    def header(self, token: str) -> TokenHeader:
        """The header of a token whose form is right. Raises ``TokenRefused``."""
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenRefused(f"it is longer than {MAX_TOKEN_BYTES} bytes")
        try:
            header = msgspec.convert(self._parts(token).protected, TokenHeader)
        except msgspec.ValidationError as error:
            raise TokenRefused("its header lacks alg, kid or typ") from error
        if header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
            raise TokenRefused("its header demands extensions (crit, b64)")
        if header.typ.lower() not in TYPES:
            raise TokenRefused("its type (typ) is not JWT or at+jwt")
        if header.alg not in self._algorithms:
            raise TokenRefused("its algorithm is not allowed")
        return header

    def claims(self, token: str, header: TokenHeader, key: VerificationKey, now: float) -> Claims:
        """The claims of a token that ``key`` signed and that holds at ``now`` (seconds since the epoch).

        Raises ``TokenRefused``, or ``TokenExpired`` when the signature is right but its time is over.
        """
        if header.alg not in key.algorithms:
            raise TokenRefused("its algorithm does not fit its key")
        signed = self._parts(token)
        try:
            if not jws.validate_compact(signed, key.key, registry=self._registry):
                raise TokenRefused("its signature is wrong")
            claims = msgspec.json.decode(signed.payload or b"", type=Claims)
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenRefused("its signature cannot be checked or its claims are malformed") from error
        self._check(claims, now)
        return claims

    def _parts(self, token: str) -> jws.CompactSignature:
        try:
            return jws.extract_compact(token.encode("ascii"), registry=self._registry)
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenRefused("it is not a signed token in compact form") from error

    def _check(self, claims: Claims, now: float) -> None:
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if claims.iss != self._issuer:
            raise TokenRefused("its issuer (iss) is another")
        if self._audience not in audiences:
            raise TokenRefused("it is for another audience (aud)")
        if int(claims.sub) > MAX_ID:
            raise TokenRefused("its subject (sub) is not a user id")
        if isinstance(claims.tenants, dict):
            if claims.permissions:
                raise TokenRefused("it has permissions of each tenant (tenants) and of all (permissions)")
            if any(int(tenant) > MAX_ID for tenant in claims.tenants):
                raise TokenRefused("one of its tenants is not a tenant id")
        if claims.nbf > now + LEEWAY_SECONDS:
            raise TokenRefused("it is not valid yet (nbf)")
        if claims.iat is not None and claims.iat > now + LEEWAY_SECONDS:
            raise TokenRefused("it was issued in the future (iat)")
        if claims.exp <= now - LEEWAY_SECONDS:
            raise TokenExpired("it has expired (exp)")
