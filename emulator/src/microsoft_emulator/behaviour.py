"""The behaviour of a tenant, set by control requests."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta


class Behaviour(StrEnum):
    """The kind of a tenant. All but ``healthy`` are faults or gaps that onboarding must handle."""

    HEALTHY = "healthy"
    UNCONSENTED = "unconsented"
    UNLICENSED = "unlicensed"
    THROTTLING = "throttling"
    FAILING = "failing"
    SLOW = "slow"
    WRONG_TENANT = "wrong-tenant"


class Premium(StrEnum):
    """A licensed feature: Conditional Access and reports require P1, privileged identity management P2."""

    POLICY = "policy"
    REPORT = "report"
    PIM = "pim"


class RelationshipShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delegated admin relationship of the partner with the customer. ``roles`` are ids, None = all expected ones.

    Days are relative to the time of each request.
    """

    status: str = "active"
    name: str = "Managed services"
    created_days_ago: float = 31.0
    activated_days_ago: float | None = 30.0
    days_left: float | None = 700.0
    auto_extend: str = "P180D"
    roles: tuple[str, ...] | None = None


class MappingShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of a role (its id) to a group of the partner, which may have been deleted."""

    role: str
    status: str = "active"
    group_exists: bool = True


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``PUT /_control/tenants/{guid}``.

    ``times`` limits throttling, failing and slow to this number of Graph requests (None = no limit); ``retry_after``
    (seconds) is sent with 429, and with 5xx if given; ``status`` is that of failing; ``delay_seconds`` that of slow.
    ``token_error`` makes the token service respond with this AADSTS number. ``granted`` are the names of the granted
    permissions (None = all that onboarding requires), ``unlicensed`` the premium features without a licence.
    ``overrides`` replaces the response of a path: a list is paged as a collection, an object is sent unchanged.
    ``relationships`` and ``mappings`` are those of this customer in the partner's tenant (None = complete ones);
    ``overrides`` applies to the paths of this customer there as well.
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
        """True if the tenant has no licence for the feature; None is a feature that requires none."""
        return feature is not None and (self.behaviour is Behaviour.UNLICENSED or feature in self.unlicensed)
