"""Delegated admin relationships (GDAP) with one customer, read in the partner tenant.

Source of the status values: https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from task_runner.providers.fields import DATA_INCOMPLETE, Fields
from task_runner.providers.graph_errors import GraphRefused, SignInRefused
from task_runner.providers.tokens import external_tenant
from task_runner.tasks.context import TaskContext
from task_runner.tasks.result import CannotTell, Result, TaskFault, Wait

RELATIONSHIPS = "/tenantRelationships/delegatedAdminRelationships"
READ_RELATIONSHIPS = "DelegatedAdminRelationship.Read.All"

ACTIVE, EXPIRING, DRAFT, EXPIRED, APPROVAL_PENDING = "active", "expiring", "created", "expired", "approvalPending"
PENDING_STATUSES = ("activating", "approved", APPROVAL_PENDING)
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
LONGEST_APPROVAL = timedelta(days=90)
"""Threshold of this product: a request that was not approved for longer counts as expired."""
MAX_LISTED = 50


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

    @property
    def by_microsoft(self) -> bool:
        """True if the Microsoft-led transition created it, with read access only."""
        return self.name.startswith(MICROSOFT_LED_TRANSITION)


class CustomerRelationships(msgspec.Struct, frozen=True, kw_only=True):
    """All relationships with the customer, and the time of the check."""

    customer: str
    relationships: tuple[Relationship, ...]
    at: datetime

    @property
    def best(self) -> Relationship | None:
        """The preferred one: by ``STATUS_PREFERENCE``, then not created by Microsoft, then latest end, then newest."""
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


def payload_of(customer: CustomerRelationships) -> dict[str, Any]:
    """Return the payload members that describe the relationships."""
    return {
        "customer_tenant_id": customer.customer,
        "judged_at": customer.at,
        "relationship": msgspec.to_builtins(customer.best),
        "relationship_count": len(customer.relationships),
        "relationships": [
            {"id": relationship.id, "name": relationship.name, "status": relationship.status, "ends": relationship.ends}
            for relationship in customer.relationships[:MAX_LISTED]
        ],
    }


def in_force(customer: CustomerRelationships) -> Relationship | Result:
    """Return the active relationship, or the result if none is active.

    Raise ``Wait`` if one is pending, ``CannotTell`` if an active one has no activation or end date.
    """
    best, payload = customer.best, payload_of(customer)
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
    if best.activated is None or best.ends is None:
        message = f"The relationship “{best.name}” is active, but has no activation date or no end date."
        raise CannotTell(DATA_INCOMPLETE, message, payload)
    return best


def _pending(best: Relationship, now: datetime, payload: dict[str, Any]) -> Result:
    if best.status != APPROVAL_PENDING:
        message = f"The customer has approved “{best.name}”; Microsoft is activating it."
    elif now - best.created > LONGEST_APPROVAL:
        message = f"“{best.name}” was not approved within {LONGEST_APPROVAL.days} days."
        return Result.fail("GDAP_EXPIRED", message, payload)
    else:
        message = f"The customer has not approved “{best.name}” yet."
    raise Wait("GDAP_APPROVAL_PENDING", message, seconds=SECONDS_TO_APPROVAL, payload=payload)


async def find_relationships(context: TaskContext) -> CustomerRelationships:
    """Read all relationships with the connection's customer in the partner tenant.

    They are checked against the clock of this process, which is accurate enough for limits of minutes and days.
    """
    if context.connection is None:
        raise TaskFault("PROVIDER_CONNECTION_MISSING", "The run has no provider connection.")
    customer = external_tenant(context.connection).lower()
    wanted = {"$filter": f"customer/tenantId eq '{customer}'"}
    with reading_partner_tenant():
        items = await context.partner_graph.list(RELATIONSHIPS, wanted, permission=READ_RELATIONSHIPS)
    relationships = [relationship_from(fields) for fields in _objects(items) if _customer_of(fields) == customer]
    return CustomerRelationships(customer=customer, relationships=tuple(relationships), at=datetime.now(UTC))


def _objects(items: Sequence[Any]) -> Iterator[Fields]:
    return (Fields(item, f"delegatedAdminRelationships[{index}]") for index, item in enumerate(items))


def _customer_of(fields: Fields) -> str | None:
    """Return the customer's tenant id in lower case; None for a request that is not limited to one customer."""
    customer = fields.at_or_none("customer")
    return None if customer is None else customer.text("tenantId").lower()


def relationship_from(fields: Fields) -> Relationship:
    """Return one relationship of a response. Raise ``CannotTell`` if a field is missing."""
    return Relationship(
        id=fields.text("id"),
        name=fields.text("displayName"),
        status=fields.text("status"),
        created=fields.moment("createdDateTime"),
        activated=fields.moment_or_none("activatedDateTime"),
        ends=fields.moment_or_none("endDateTime"),
        auto_extend=fields.text("autoExtendDuration"),
        roles=roles_from(fields),
    )


def roles_from(fields: Fields) -> tuple[str, ...]:
    """Return the role template ids in ``accessDetails``, in lower case and sorted."""
    roles = fields.at("accessDetails").each("unifiedRoles")
    return tuple(sorted({role.text("roleDefinitionId").lower() for role in roles}))


@contextmanager
def reading_partner_tenant() -> Iterator[None]:
    """Convert refusals to ``CannotTell`` that names the partner tenant, because the customer cannot resolve them."""
    try:
        yield
    except (GraphRefused, SignInRefused) as refused:
        message = f"{refused.message} This was the partner tenant, not the customer's tenant."
        raise CannotTell(refused.reason_code, message, {**refused.payload, "refused_by": "partner"}) from None
