"""The caller, and the permissions of callers in tenants."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from msgspec import Struct

from onboarding_shared.contracts.permissions import Permissions
from onboarding_shared.process.claim_settings import ClaimSettings
from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.telemetry.metrics import Gauge, Live, Reading
from onboarding_shared.web.errors import DependencyDown, Forbidden, NotFound, Unauthorized
from onboarding_shared.web.granted import Person, TokenRefused, UserNotKept
from onboarding_shared.web.key_sets import KeySet, KeySetError
from onboarding_shared.web.key_sources import KeySource, key_source
from onboarding_shared.web.mapped_claims import ClaimMapping
from onboarding_shared.web.tokens import LEEWAY_SECONDS, TokenExpired, TokenRules

CACHED_TOKENS = 4096
KEY_SET_AGE = Gauge("onboarding_key_set_age_seconds", "Time since the key set that checks tokens was last read")
KEY_SET_KEYS = Gauge("onboarding_key_set_keys", "Keys that can check tokens; 0 = every token is refused")


class KeySetEmpty(KeySetError):
    """The key set was read and has no usable key: every token is refused."""


class Caller(Struct, frozen=True, kw_only=True):
    """An authenticated user, with its permissions in each tenant that it may know of, and in all tenants.

    ``expires_at`` is in seconds since the epoch: a stream to this caller ends then.
    """

    user_id: int
    permissions: Mapping[int, frozenset[str]]
    everywhere: frozenset[str] = frozenset()
    display_name: str | None = None
    operates_platform: bool = False
    expires_at: float = float("inf")

    def knows(self, tenant_id: int) -> bool:
        """True if the caller may learn that this tenant exists."""
        return tenant_id in self.permissions or bool(self.everywhere)

    def may(self, tenant_id: int, permission: str) -> bool:
        """True if the caller may do this in this tenant."""
        return permission in self.everywhere or permission in self.permissions.get(tenant_id, ())

    def tenant_filter(self, permission: str = Permissions.READ) -> frozenset[int] | None:
        """The tenants in which the caller may do this; None = all."""
        if permission in self.everywhere:
            return None
        return frozenset(tenant for tenant, names in self.permissions.items() if permission in names)


Recognise = Callable[[Person], Awaitable[None]]
"""Keeps a user with the name that its token says.

Raises ``TokenRefused`` if its id is that of another user, ``UserNotKept`` if it must be looked up and cannot.
"""


def authorize(caller: Caller, tenant_id: int, permission: str) -> None:
    """Raises unless the caller may do this in this tenant.

    A tenant outside the token is ``NotFound`` TENANT_NOT_FOUND, the same answer as for one that does not exist, and is
    checked first, so that a foreign tenant never shows through a 403. Else ``Forbidden`` PERMISSION_MISSING.
    """
    if not caller.knows(tenant_id):
        raise tenant_not_found()
    if not caller.may(tenant_id, permission):
        raise Forbidden(
            "PERMISSION_MISSING",
            f"The token lacks the permission {permission} in this tenant",
            headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
            extra={"permission": permission},
        )


def tenant_not_found() -> NotFound:
    """The one answer for tenants that do not exist and tenants that are none of the caller's business."""
    return NotFound("TENANT_NOT_FOUND", "There is no such tenant")


class TenantPermission:
    """A route guard: ``authorize`` with the ``tenant_id`` of the path, before parameters and body are looked at."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        authorize(connection.scope["user"], connection.path_params["tenant_id"], self.permission)


class PlatformPermission:
    """A route guard: the caller must have the permission of the platform. Raises ``Forbidden`` PERMISSION_MISSING."""

    permission = Permissions.PLATFORM

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if not connection.scope["user"].operates_platform:
            raise Forbidden(
                "PERMISSION_MISSING",
                f"The token lacks the permission {self.permission}",
                headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
                extra={"permission": self.permission},
            )


def requires(permission: str) -> TenantPermission:
    """The guard of routes that need this permission in their tenant."""
    return TenantPermission(permission)


def requires_platform() -> PlatformPermission:
    """The guard of routes that need the permission of the platform."""
    return PlatformPermission()


class Authenticator:
    """Turns bearer tokens into callers. A verified token is remembered until it expires or the key set changes.

    ``recognise`` is told of each user of a verified token, and not of a remembered one. Raises ``SettingsError`` at
    construction when a key set file cannot be used.
    """

    def __init__(
        self,
        settings: IdentitySettings,
        *,
        keys: KeySource | None = None,
        recognise: Recognise | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys or key_source(settings.jwks, settings.issuer, max_age_seconds=settings.jwks_max_age_seconds)
        self._rules = TokenRules(
            settings.issuer, settings.audience, settings.algorithms, claim_mapping(settings.claims)
        )
        self._recognise = recognise
        self._now = now
        self._known_keys: KeySet | None = None
        self._verified: OrderedDict[bytes, Caller] = OrderedDict()

    async def authenticate_header(self, authorization: str | None) -> Caller:
        """The caller of a request with this ``Authorization`` header. Raises ``Unauthorized``."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not (token := token.strip(" ")):
            raise Unauthorized(
                "TOKEN_MISSING", "The request carries no bearer token", headers={"WWW-Authenticate": "Bearer"}
            )
        return await self.authenticate(token)

    def recall(self, authorization: str | None) -> Caller | None:
        """The caller of a request with this header, if its token is remembered and the key set need not be read now."""
        if authorization is None or not authorization.startswith("Bearer "):
            return None
        keys = self._keys.fresh_keys()
        if keys is None or keys is not self._known_keys:
            return None
        fingerprint = _fingerprint(authorization[7:].strip(" "))
        caller = self._verified.get(fingerprint)
        if caller is None or caller.expires_at + LEEWAY_SECONDS <= self._now():
            return None
        self._verified.move_to_end(fingerprint)
        return caller

    async def authenticate(self, token: str) -> Caller:
        """The caller this token stands for.

        Raises ``Unauthorized`` with TOKEN_INVALID or TOKEN_EXPIRED, or ``DependencyDown`` while there is no key set or
        the user cannot be looked up.
        """
        try:
            keys = await self._current_keys()
            fingerprint = _fingerprint(token)
            caller = self._remembered(fingerprint) or await self._verify(token, fingerprint, keys)
        except TokenExpired as error:
            raise _refusal("TOKEN_EXPIRED", "The token has expired") from error
        except TokenRefused as error:
            raise _refusal("TOKEN_INVALID", f"The token is not accepted: {error}") from error
        except UserNotKept as error:
            raise DependencyDown("DEPENDENCY_DOWN", "The user of the token cannot be looked up") from error
        except KeySetError as error:
            raise DependencyDown("DEPENDENCY_DOWN", "The key set for checking tokens is not available") from error
        return caller

    async def check(self) -> Mapping[str, Any]:
        """Health probe: the number of keys and their age. Raises ``KeySetError`` while no token can be accepted."""
        keys = await self._current_keys()
        if not keys:
            raise KeySetEmpty("the key set has no usable key")
        return {"keys": len(keys), "age_seconds": round(self._keys.age_seconds or 0.0)}

    def gauges(self) -> Live:
        """The metrics of the key set."""

        def measure() -> Iterator[Reading]:
            if (age := self._keys.age_seconds) is not None:
                yield Reading(KEY_SET_AGE, age)
                yield Reading(KEY_SET_KEYS, float(len(self._keys.keys)))

        return Live((KEY_SET_AGE, KEY_SET_KEYS), measure)

    def _remembered(self, fingerprint: bytes) -> Caller | None:
        known = self._verified.get(fingerprint)
        if known is not None and known.expires_at + LEEWAY_SECONDS <= self._now():
            raise TokenExpired("it has expired (exp)")
        if known is not None:
            self._verified.move_to_end(fingerprint)
        return known

    async def _current_keys(self, missing: str | None = None) -> KeySet:
        keys = await self._keys.refresh(missing)
        if keys is not self._known_keys:
            self._known_keys = keys
            self._verified.clear()
        return keys

    async def _verify(self, token: str, fingerprint: bytes, keys: KeySet) -> Caller:
        header = self._rules.header(token)
        if header.kid not in keys:
            keys = await self._current_keys(missing=header.kid)
        if (key := keys.get(header.kid)) is None:
            raise TokenRefused("its key (kid) is not in the key set")
        granted, expires_at = self._rules.verified(token, header, key, self._now())
        if self._recognise is not None:
            await self._recognise(granted.person)
        caller = Caller(
            user_id=granted.person.user_id,
            permissions=granted.permissions,
            everywhere=granted.everywhere,
            display_name=granted.person.display_name,
            operates_platform=granted.operates_platform,
            expires_at=expires_at,
        )
        if keys is self._known_keys:  # else its key may have been withdrawn while the user was looked up
            self._verified[fingerprint] = caller
            if len(self._verified) > CACHED_TOKENS:
                self._verified.popitem(last=False)
        return caller


def claim_mapping(settings: ClaimSettings) -> ClaimMapping | None:
    """The mapping that the settings describe; None = tokens have our own claims."""
    roles = settings.roles_by_value
    if roles is None:
        return None
    return ClaimMapping.of(
        user=settings.user,
        names=settings.names,
        tenants=settings.tenants,
        role_claims=settings.role_claims,
        roles=roles,
    )


def _fingerprint(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _refusal(code: str, message: str) -> Unauthorized:
    return Unauthorized(code, message, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
