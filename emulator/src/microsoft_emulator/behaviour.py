"""The behaviour of a tenant, set by control requests."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0, le=3600)]
LONGEST_APPROVAL_DAYS = 90
"""The days after which a relationship that was not approved expires.
Source: https://learn.microsoft.com/partner-center/gdap-faq. That the status is then ``expired`` is not documented."""
Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]


class Behaviour(StrEnum):
    """The kind of a tenant. All but ``healthy`` are faults or gaps that onboarding must handle."""

    HEALTHY = "healthy"
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


class Fixture(StrEnum):
    """Objects that a directory may have in addition; those with "administrator" hold Global Administrator."""

    FOREIGN_GROUP = "foreign-group-administrator"
    SERVICE_PRINCIPAL = "service-principal-administrator"
    GROUP = "group-administrator"
    ELIGIBLE_MEMBER = "eligible-group-member"
    ELIGIBLE_GROUP = "eligible-group"
    UNREADABLE = "unreadable-administrator"
    DELETED = "deleted-administrator"
    GUEST = "guest-administrator"
    DISABLED = "disabled-administrator"
    SYNC_ACCOUNT = "sync-account"
    NULL_FIELDS = "null-fields"
    PREVIEW_POLICY = "preview-policy"


class MappingShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of a role (its id) to a group of the partner, which may have been deleted."""

    role: str
    status: str = "active"
    group_exists: bool = True


class RelationshipShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delegated admin relationship of the partner with the customer. ``roles`` are ids, None = all expected ones.

    Days are relative to the control request. ``mappings``: None = those of the control request.
    """

    status: str = "active"
    name: str = "Managed services"
    created_days_ago: float = 31.0
    activated_days_ago: float | None = 30.0
    days_left: float | None = 700.0
    auto_extend: str = "P180D"
    roles: tuple[str, ...] | None = None
    mappings: tuple[MappingShape, ...] | None = None


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``PUT /_control/tenants/{guid}``.

    ``consented`` are the applications (client ids) with a service principal; ``granted`` the names of their granted
    permissions (None = those of each registration). ``visibility_delay_seconds``: consents, grants and other changes
    after this request appear in tokens and reads only after it.

    ``times`` limits throttling, failing and slow to this number of Graph requests (None = no limit); ``retry_after``
    (seconds) is sent with 429 unless ``without_retry_after``, and with 5xx if given; ``status`` is that of failing;
    ``delay_seconds`` that of slow. ``latency_ms`` is the time that every answer takes, ``latency_jitter_ms`` the most
    by which it differs. ``conditional_access_rate`` is the number of requests a second that Conditional Access answers,
    one as at Microsoft if nothing is told, None = any; more get 429 without ``Retry-After``. ``page_size`` is the
    number of items of a page at most.

    ``token_error`` makes the token service respond with this AADSTS number. ``token_lifetime``, ``code_lifetime`` and
    ``refresh_token_lifetime`` are the seconds after which new access tokens, authorization codes and refresh tokens
    expire. ``unlicensed`` are the premium features without a licence, ``sku_status`` the capability status of the paid
    SKU, ``directory`` additional objects. ``overrides`` replaces the response of a path, such as ``/organization``: a
    list is paged as a collection, an object is sent unchanged, null is 204. A name with a verb (``PATCH /groups/1``) is
    that of a write, also to a path that is otherwise unknown here: what a real tenant would do, only a real tenant
    tells. A path that begins with ``/beta/`` is that of the beta version alone.

    ``relationships`` and ``mappings`` are those of this customer in the partner's tenant (None = complete ones);
    ``overrides`` applies to the paths of this customer there as well. ``activation_delay_seconds`` and
    ``assignment_delay_seconds`` of the partner's tenant are the time from approval to ``active``, and from a new or
    changed access assignment to ``active``; ``approval_seconds`` is the time from the creation of an invitation that
    nobody approves to ``expired``.
    """

    behaviour: Behaviour = Behaviour.HEALTHY
    consented: frozenset[str] = frozenset()
    granted: tuple[str, ...] | None = None
    visibility_delay_seconds: Seconds = 0.0
    times: Annotated[int, Meta(ge=0)] | None = None
    retry_after: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    without_retry_after: bool = False
    status: Annotated[int, Meta(ge=500, le=599)] = 503
    delay_seconds: Seconds = 5.0
    latency_ms: Milliseconds = 0
    latency_jitter_ms: Milliseconds = 0
    conditional_access_rate: Annotated[float, Meta(gt=0)] | None = 1.0
    page_size: Annotated[int, Meta(ge=1, le=999)] = 2
    token_error: Annotated[str, Meta(pattern=r"^\d{4,8}\Z")] | None = None
    token_lifetime: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    code_lifetime: Seconds = 600.0
    refresh_token_lifetime: Annotated[float, Meta(ge=0, le=31_536_000)] = 7_776_000.0
    unlicensed: frozenset[Premium] = frozenset()
    sku_status: Literal["Enabled", "Warning", "Suspended", "Deleted", "LockedOut"] = "Enabled"
    directory: frozenset[Fixture] = frozenset()
    overrides: dict[str, Any] = {}
    relationships: tuple[RelationshipShape, ...] | None = None
    mappings: tuple[MappingShape, ...] | None = None
    activation_delay_seconds: Seconds = 0.0
    approval_seconds: Annotated[float, Meta(ge=0, le=86_400 * LONGEST_APPROVAL_DAYS)] = 86_400.0 * LONGEST_APPROVAL_DAYS
    assignment_delay_seconds: Seconds = 0.0

    def lacks(self, feature: Premium | None) -> bool:
        """True if the tenant has no licence for the feature; None is a feature that requires none."""
        return feature is not None and (self.behaviour is Behaviour.UNLICENSED or feature in self.unlicensed)

    def has(self, fixture: Fixture) -> bool:
        """True if the directory has these additional objects."""
        return fixture in self.directory


class ConsentShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``PUT /_control/tenants/{guid}/consents/{client_id}``.

    ``granted``: names of permissions, None = those of the registration. ``scopes`` are delegated permissions granted
    for all users. ``enabled``: False = an administrator disabled the service principal.
    """

    granted: tuple[str, ...] | None = None
    scopes: tuple[str, ...] = ()
    enabled: bool = True
