"""How a tenant behaves, as the control requests tell it."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta


class Behaviour(StrEnum):
    """What a tenant is like. All but ``healthy`` are faults or gaps that onboarding has to cope with."""

    HEALTHY = "healthy"
    UNCONSENTED = "unconsented"
    UNLICENSED = "unlicensed"
    THROTTLING = "throttling"
    FAILING = "failing"
    SLOW = "slow"
    WRONG_TENANT = "wrong-tenant"


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``PUT /_control/tenants/{guid}``.

    ``times`` limits throttling, failing and slow to the first so many Graph requests (None = all of them);
    ``retry_after`` (seconds) goes with 429, and with 5xx when given; ``status`` is that of failing; ``delay_seconds``
    that of slow. ``token_error`` makes the token service refuse with this AADSTS number. ``overrides`` replaces what
    a path answers: a list is paged as a collection, an object is sent as it is.
    """

    behaviour: Behaviour = Behaviour.HEALTHY
    times: Annotated[int, Meta(ge=0)] | None = None
    retry_after: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    status: Annotated[int, Meta(ge=500, le=599)] = 503
    delay_seconds: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    token_error: Annotated[str, Meta(pattern=r"^\d{4,8}\Z")] | None = None
    token_lifetime: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    overrides: dict[str, Any] = {}
