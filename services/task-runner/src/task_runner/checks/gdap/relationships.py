"""Delegated admin relationships (GDAP) with one customer, read in the partner tenant.

Source of the status values: https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from task_runner.checks.judging import NotJudged, settled
from task_runner.checks.lists import GDAP_ROLES
from task_runner.providers.fields import DATA_INCOMPLETE
from task_runner.tasks.result import CannotTell, Result, Wait

ACTIVE, EXPIRING, DRAFT, EXPIRED, APPROVAL_PENDING = "active", "expiring", "created", "expired", "approvalPending"
ACTIVATING_STATUSES = ("activating", "approved")
PENDING_STATUSES = (*ACTIVATING_STATUSES, APPROVAL_PENDING)
TERMINATED_STATUSES = ("terminationRequested", "terminating", "terminated")
UNKNOWN_STATUS = ""
STATUS_PREFERENCE = (
    ACTIVE,
    *PENDING_STATUSES,
    UNKNOWN_STATUS,
    DRAFT,
    *TERMINATED_STATUSES[:2],
    EXPIRING,
    EXPIRED,
    TERMINATED_STATUSES[2],
)
"""``expiring`` means that the end date has passed and that Microsoft is removing the access."""

MICROSOFT_LED_TRANSITION = "MLT_"
"""Prefix of the names of relationships that the Microsoft-led transition created; they allow read access only.
Source: CIPP Test-CIPPGDAPRelationships.ps1."""
SECONDS_TO_APPROVAL = 300.0
SECONDS_TO_ACTIVATION = 10.0
LONGEST_APPROVAL = timedelta(days=90)
"""Microsoft's limit: a request that was not approved in this time expires."""
INVITATION = "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/"
"""The page on which an administrator of the customer approves a relationship, followed by its id, in the public cloud.
Source: https://learn.microsoft.com/graph/api/resources/delegatedadminrelationships-api-overview"""
MAX_LISTED = 50
PUBLIC = "public"
"""The only cloud whose page for approvals is known."""


INVITATION_FROM = {"relationship_id": "gdap.invite"}
"""The task whose run offers the id of its invitation to later runs."""


class Relationship(msgspec.Struct, frozen=True, kw_only=True):
    """One relationship with the customer; ``roles`` are role template ids, sorted."""

    id: str
    name: str
    status: str
    created: datetime
    activated: datetime | None
    ends: datetime | None
    auto_extend: str
    roles: tuple[str, ...]
    customer: str | None = None
    """The tenant of the customer, None for an invitation that is open to any."""
    reseller_pending: bool = False
    """True for a relationship of an indirect reseller that the reseller itself has not approved."""

    @property
    def by_microsoft(self) -> bool:
        """True if the Microsoft-led transition created it, with read access only."""
        return self.name.startswith(MICROSOFT_LED_TRANSITION)


class CustomerRelationships(msgspec.Struct, frozen=True, kw_only=True):
    """Every relationship with the customer, and the moment at which they are judged.

    ``invitation`` is the relationship that the run names, whoever has approved it. ``not_judged`` are relationships of
    which a field is missing.
    """

    customer: str
    relationships: tuple[Relationship, ...]
    at: datetime
    invitation: Relationship | None = None
    cloud: str = PUBLIC
    not_judged: tuple[NotJudged, ...] = ()

    @property
    def active(self) -> tuple[Relationship, ...]:
        """The relationships that give access now; those that Microsoft created only if there is no other."""
        active = tuple(relationship for relationship in self.relationships if relationship.status == ACTIVE)
        return tuple(relationship for relationship in active if not relationship.by_microsoft) or active

    @property
    def roles(self) -> frozenset[str]:
        """The role template ids of all active relationships together."""
        return frozenset(role for relationship in self.active for role in relationship.roles)

    @property
    def best(self) -> Relationship | None:
        """The relationship that is named first: by ``STATUS_PREFERENCE``, ours, the latest end, the newest."""
        return max(self.relationships, key=_preference, default=None)


def _preference(relationship: Relationship) -> tuple[int, bool, datetime, datetime]:
    known = relationship.status if relationship.status in STATUS_PREFERENCE else UNKNOWN_STATUS
    never = datetime.min.replace(tzinfo=UTC)
    return (
        -STATUS_PREFERENCE.index(known),
        not relationship.by_microsoft,
        relationship.ends or never,
        relationship.created,
    )


def invitation_link(relationship: Relationship, cloud: str) -> str | None:
    """The address at which the customer approves a relationship; None unless it awaits approval in the public cloud."""
    known = relationship.status == APPROVAL_PENDING and cloud == PUBLIC
    return f"{INVITATION}{relationship.id}" if known else None


def payload_of(customer: CustomerRelationships) -> dict[str, Any]:
    """Return the payload members that describe the relationships."""
    return {
        "customer_tenant_id": customer.customer,
        "judged_at": customer.at,
        "relationship": msgspec.to_builtins(customer.best),
        "invitation_link": None if customer.best is None else invitation_link(customer.best, customer.cloud),
        "relationship_count": len(customer.relationships),
        "relationships": [
            {"id": relationship.id, "name": relationship.name, "status": relationship.status, "ends": relationship.ends}
            for relationship in customer.relationships[:MAX_LISTED]
        ],
    }


def in_force(customer: CustomerRelationships) -> tuple[Relationship, ...] | Result:
    """The relationships that give access now, or the result if none does.

    Raises ``Wait`` while one is to be approved or activated, ``CannotTell`` if an active one has no beginning or end.
    """
    best, payload = customer.best, payload_of(customer)
    invitation = customer.invitation
    if invitation is not None and invitation.customer not in (None, customer.customer):
        message = f"The invitation “{invitation.name}” was approved in another tenant: {invitation.customer}."
        return Result.fail("GDAP_WRONG_TENANT", message, payload)
    if best is None or best.status == DRAFT:
        draft = "" if best is None else f" “{best.name}” was created but not sent for approval."
        return Result.fail("GDAP_MISSING", f"There is no relationship with the customer.{draft}", payload)
    if best.status in PENDING_STATUSES:
        return _pending(best, customer.at, payload)
    if best.status in (EXPIRING, EXPIRED):
        return Result.fail("GDAP_EXPIRED", f"The relationship “{best.name}” has expired.", payload)
    if best.status in TERMINATED_STATUSES:
        message = f"The relationship “{best.name}” was terminated (status {best.status})."
        return Result.fail("GDAP_TERMINATED", message, payload)
    if best.status != ACTIVE:
        message = f"The relationship “{best.name}” has the status {best.status}, which this version does not support."
        return Result.unknown("GDAP_STATUS_UNKNOWN", message, payload)
    for relationship in customer.active:
        if relationship.activated is None or relationship.ends is None:
            message = f"The relationship “{relationship.name}” is active, but its activation or end is missing."
            raise CannotTell(DATA_INCOMPLETE, message, payload)
    return customer.active


def settled_for(customer: CustomerRelationships, decide: Callable[[CustomerRelationships], Result]) -> Result:
    """Return the result of ``decide``; ``unknown`` if a relationship that cannot be judged could change it."""
    result = decide(customer)
    if not customer.not_judged:
        return result
    granted = {role for relationship in customer.relationships for role in relationship.roles}
    widest = Relationship(
        id="possible",
        name="possible",
        status=ACTIVE,
        created=customer.at - timedelta(days=2),
        activated=customer.at - timedelta(days=1),
        ends=customer.at + timedelta(days=365),
        auto_extend="",
        roles=tuple(granted | GDAP_ROLES.names.keys()),
        customer=customer.customer,
    )
    possible = decide(msgspec.structs.replace(customer, relationships=(*customer.relationships, widest)))
    return settled((result, possible), customer.not_judged)


def _pending(best: Relationship, now: datetime, payload: dict[str, Any]) -> Result:
    if best.status in ACTIVATING_STATUSES:
        message = f"The customer has approved “{best.name}”; Microsoft is activating it."
        raise Wait("GDAP_ACTIVATING", message, seconds=SECONDS_TO_ACTIVATION, payload=payload)
    if now - best.created > LONGEST_APPROVAL:
        message = f"“{best.name}” was not approved within {LONGEST_APPROVAL.days} days."
        return Result.fail("GDAP_EXPIRED", message, payload)
    if best.reseller_pending:
        message = f"The indirect reseller has not approved “{best.name}” yet; only then can the customer."
        raise Wait("GDAP_RESELLER_APPROVAL_PENDING", message, seconds=SECONDS_TO_APPROVAL, payload=payload)
    message = f"The customer has not approved “{best.name}” yet."
    raise Wait("GDAP_APPROVAL_PENDING", message, seconds=SECONDS_TO_APPROVAL, payload=payload)
