"""Delegated admin relationships (GDAP) with one customer, as Microsoft keeps them in the partner's own tenant.

Source of the states: https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship
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
"""``expiring`` is no warning: it says that the end has passed, and that Microsoft takes the access away."""

MICROSOFTS_TRANSITION = "MLT_"
"""So begins the name of a relationship that Microsoft made when it led the transition to GDAP; it only allows reading.
Source: CIPP Test-CIPPGDAPRelationships.ps1."""
SECONDS_TO_APPROVAL = 300.0
LONGEST_APPROVAL = timedelta(days=90)
"""Our threshold: a request that nobody approved for so long is not approved any more."""
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
        """True if Microsoft created it, with read access only."""
        return self.name.startswith(MICROSOFTS_TRANSITION)


class CustomerRelationships(msgspec.Struct, frozen=True, kw_only=True):
    """Every relationship with the customer, and the moment at which they are judged."""

    customer: str
    relationships: tuple[Relationship, ...]
    at: datetime

    @property
    def best(self) -> Relationship | None:
        """The relationship that counts: by ``STATUS_PREFERENCE``, then ours, then the latest end, then the newest."""
        return max(self.relationships, key=_worth, default=None)


def _worth(relationship: Relationship) -> tuple[int, bool, datetime, datetime]:
    known = relationship.status if relationship.status in STATUS_PREFERENCE else UNKNOWN_STATUS
    never = datetime.min.replace(tzinfo=UTC)
    return (
        -STATUS_PREFERENCE.index(known),
        not relationship.by_microsoft,
        relationship.ends or never,
        relationship.created,
    )


def payload_of(customer: CustomerRelationships) -> dict[str, Any]:
    """The payload about the relationships."""
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
    """The relationship that gives access now, or the result where none does.

    Raises ``Wait`` while one is on its way, ``CannotTell`` when an active one has no beginning or end.
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
        message = f"The relationship “{best.name}” was ended: {best.status}."
        return Result.fail("GDAP_TERMINATED", message, payload)
    if best.status != ACTIVE:
        message = f"The relationship “{best.name}” has the status {best.status}, which this version does not know."
        return Result.unknown("GDAP_STATUS_UNKNOWN", message, payload)
    if best.activated is None or best.ends is None:
        message = f"The relationship “{best.name}” is active, but does not say since when and until when."
        raise CannotTell(DATA_INCOMPLETE, message, payload)
    return best


def _pending(best: Relationship, now: datetime, payload: dict[str, Any]) -> Result:
    if best.status != APPROVAL_PENDING:
        message = f"The customer has approved “{best.name}”; Microsoft is activating it."
    elif now - best.created > LONGEST_APPROVAL:
        message = f"Nobody approved “{best.name}” within {LONGEST_APPROVAL.days} days."
        return Result.fail("GDAP_EXPIRED", message, payload)
    else:
        message = f"The customer has not approved “{best.name}” yet."
    raise Wait("GDAP_APPROVAL_PENDING", message, seconds=SECONDS_TO_APPROVAL, payload=payload)


async def find_relationships(context: TaskContext) -> CustomerRelationships:
    """Reads every relationship with the connection's customer, in our own tenant.

    They are judged at the runner's clock, which is near enough to Microsoft's: the limits are minutes and days.
    """
    if context.connection is None:
        raise TaskFault("PROVIDER_CONNECTION_MISSING", "The run has no connection to Microsoft Graph.")
    customer = external_tenant(context.connection).lower()
    wanted = {"$filter": f"customer/tenantId eq '{customer}'"}
    with of_our_own_tenant():
        items = await context.partner_graph.list(RELATIONSHIPS, wanted, permission=READ_RELATIONSHIPS)
    relationships = [relationship_from(fields) for fields in _objects(items) if _customer_of(fields) == customer]
    return CustomerRelationships(customer=customer, relationships=tuple(relationships), at=datetime.now(UTC))


def _objects(items: Sequence[Any]) -> Iterator[Fields]:
    return (Fields(item, f"delegatedAdminRelationships[{index}]") for index, item in enumerate(items))


def _customer_of(fields: Fields) -> str | None:
    """None for an invitation that is open to any customer."""
    customer = fields.at_or_none("customer")
    return None if customer is None else customer.text("tenantId").lower()


def relationship_from(fields: Fields) -> Relationship:
    """One relationship of a response. Raises ``CannotTell`` when a field is missing."""
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
    """The role template ids in ``accessDetails``, lower case and sorted."""
    roles = fields.at("accessDetails").each("unifiedRoles")
    return tuple(sorted({role.text("roleDefinitionId").lower() for role in roles}))


@contextmanager
def of_our_own_tenant() -> Iterator[None]:
    """Mark refusals as coming from our own tenant: the customer cannot resolve them."""
    try:
        yield
    except (GraphRefused, SignInRefused) as refused:
        message = f"{refused.message} This was our own tenant, not the customer's."
        raise CannotTell(refused.reason_code, message, {**refused.payload, "refused_by": "partner"}) from None
