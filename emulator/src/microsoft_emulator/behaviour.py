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


class Premium(StrEnum):
    """A feature that takes a licence: Conditional Access and reports a P1, privileged identity management a P2."""

    POLICY = "policy"
    REPORT = "report"
    PIM = "pim"


class RelationshipShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delegated admin relationship of the partner with the customer. ``roles`` are ids, None = all that are expected.

    Days are counted from the moment of each request, so that a shape stays what it is.
    """

    status: str = "active"
    name: str = "Managed services"
    created_days_ago: float = 31.0
    activated_days_ago: float | None = 30.0
    days_left: float | None = 700.0
    auto_extend: str = "P180D"
    roles: tuple[str, ...] | None = None


class MappingShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of one role (its id) to a group of the partner's, which may have been deleted."""

    role: str
    status: str = "active"
    group_exists: bool = True


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``PUT /_control/tenants/{guid}``.

    ``times`` limits throttling, failing and slow to the first so many Graph requests (None = all of them);
    ``retry_after`` (seconds) goes with 429, and with 5xx when given; ``status`` is that of failing; ``delay_seconds``
    that of slow. ``token_error`` makes the token service refuse with this AADSTS number. ``granted`` are the names of
    the permissions that were granted (None = all that onboarding asks for), ``unlicensed`` the premium features that
    were not bought. ``overrides`` replaces what a path answers: a list is paged as a collection, an object is sent as
    it is. ``relationships`` and ``mappings`` are what the partner's tenant says of this customer (None = all is
    well), and so are overrides of its paths there.
    """

    behaviour: Behaviour = Behaviour.HEALTHY
    times: Annotated[int, Meta(ge=0)] | None = None
    retry_after: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    status: Annotated[int, Meta(ge=500, le=599)] = 503
    delay_seconds: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    token_error: Annotated[str, Meta(pattern=r"^\d{4,8}\Z")] | None = None
    token_lifetime: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    granted: tuple[str, ...] | None = None
    unlicensed: frozenset[Premium] = frozenset()
    overrides: dict[str, Any] = {}
    relationships: tuple[RelationshipShape, ...] | None = None
    mappings: tuple[MappingShape, ...] | None = None

    def lacks(self, feature: Premium | None) -> bool:
        """Whether the tenant has no licence for this; None is a feature that takes none."""
        return feature is not None and (self.behaviour is Behaviour.UNLICENSED or feature in self.unlicensed)
