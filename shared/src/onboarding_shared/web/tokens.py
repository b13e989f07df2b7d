"""Checks one JSON Web Token by the rules of RFC 8725. Pure: keys and time come in, claims or a refusal come out."""

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from msgspec import Struct

from onboarding_shared.web.granted import Granted, TokenRefused
from onboarding_shared.web.key_sets import VerificationKey
from onboarding_shared.web.mapped_claims import ClaimMapping, registered_claims
from onboarding_shared.web.own_claims import Claims

MAX_TOKEN_BYTES = 8 * 1024
LEEWAY_SECONDS = 30.0
TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class TokenExpired(TokenRefused):
    """The token was good until it expired."""


class TokenHeader(Struct, frozen=True):
    """The header of a token, about its own signature. Nothing of it is trusted before the check."""

    alg: str
    kid: str
    typ: str
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


class TimedClaims(Protocol):
    """The claims that every token has, whatever else it carries."""

    @property
    def iss(self) -> str: ...
    @property
    def aud(self) -> str | list[str]: ...
    @property
    def exp(self) -> float: ...
    @property
    def nbf(self) -> float | None: ...
    @property
    def iat(self) -> float | None: ...


class Verified(NamedTuple):
    """The subject of a token, its permissions, and its expiry (seconds since the epoch)."""

    granted: Granted
    expires_at: float


class _AllowedAlgorithms(jws.JWSRegistry):
    """Only what the settings allow. joserfc's own warns at each use of EdDSA, which RFC 8725 does not mind."""

    def get_alg(self, name: str) -> jws.JWSAlgModel:
        if name not in (self.allowed or ()):
            raise TokenRefused("its algorithm is not allowed")
        return self.algorithms[name]


class TokenRules:
    """The issuer, audience and algorithms that a token must have.

    ``mapping`` says what the claims of an identity provider mean; without it a token has our own claims.
    """

    def __init__(
        self, issuer: str, audience: str, algorithms: Collection[str], mapping: ClaimMapping | None = None
    ) -> None:
        self._mapping = mapping
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

    def verified(self, token: str, header: TokenHeader, key: VerificationKey, now: float) -> Verified:
        """The content of a token that ``key`` signed and that holds at ``now`` (seconds since the epoch).

        Raises ``TokenRefused``, or ``TokenExpired`` when the signature is right but its time is over.
        """
        if header.alg not in key.algorithms:
            raise TokenRefused("its algorithm does not fit its key")
        signed = self._parts(token)
        try:
            if not jws.validate_compact(signed, key.key, registry=self._registry):
                raise TokenRefused("its signature is wrong")
            return self._read(signed.payload or b"", now)
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenRefused("its signature cannot be checked or its claims are malformed") from error

    def _read(self, payload: bytes, now: float) -> Verified:
        if self._mapping is None:
            own = msgspec.json.decode(payload, type=Claims)
            granted = own.granted()
            self._check(own, now)
            return Verified(granted, own.exp)
        claims = msgspec.json.decode(payload, type=dict[str, Any])
        registered = registered_claims(claims)
        self._check(registered, now)
        return Verified(self._mapping.granted(claims), registered.exp)

    def _parts(self, token: str) -> jws.CompactSignature:
        try:
            return jws.extract_compact(token.encode("ascii"), registry=self._registry)
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenRefused("it is not a signed token in compact form") from error

    def _check(self, claims: TimedClaims, now: float) -> None:
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if claims.iss != self._issuer:
            raise TokenRefused("its issuer (iss) is another")
        if self._audience not in audiences:
            raise TokenRefused("it is for another audience (aud)")
        if claims.nbf is not None and claims.nbf > now + LEEWAY_SECONDS:
            raise TokenRefused("it is not valid yet (nbf)")
        if claims.iat is not None and claims.iat > now + LEEWAY_SECONDS:
            raise TokenRefused("it was issued in the future (iat)")
        if claims.exp <= now - LEEWAY_SECONDS:
            raise TokenExpired("it has expired (exp)")
