"""Delegated admin relationships (GDAP) with one customer, read in the partner tenant.

Source of the status values: https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from task_runner.providers.fields import DATA_INCOMPLETE, Fields
from task_runner.providers.graph_errors import NOT_FOUND, GraphRefused, SignInRefused
from task_runner.providers.tokens import external_tenant
from task_runner.tasks.context import TaskContext
from task_runner.tasks.result import CannotTell, Result, TaskFault, Wait

RELATIONSHIPS = "/tenantRelationships/delegatedAdminRelationships"
READ_RELATIONSHIPS = "DelegatedAdminRelationship.Read.All"

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
RelationshipId = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]+$(?!\n)", max_length=100)]


class InvitationInputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The inputs of a task: ``relationship_id`` is an invitation, which may have been sent without naming a customer.

    A start that omits it has the one that ``gdap.invite`` sent in the same session.
    """

    relationship_id: RelationshipId | None = None


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

    @property
    def by_microsoft(self) -> bool:
        """True if the Microsoft-led transition created it, with read access only."""
        return self.name.startswith(MICROSOFT_LED_TRANSITION)


class CustomerRelationships(msgspec.Struct, frozen=True, kw_only=True):
    """Every relationship with the customer, and the moment at which they are judged.

    ``invitation`` is the relationship that the run names, whoever has approved it.
    """

    customer: str
    relationships: tuple[Relationship, ...]
    at: datetime
    invitation: Relationship | None = None
    cloud: str = PUBLIC

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


def _pending(best: Relationship, now: datetime, payload: dict[str, Any]) -> Result:
    if best.status in ACTIVATING_STATUSES:
        message = f"The customer has approved “{best.name}”; Microsoft is activating it."
        raise Wait("GDAP_ACTIVATING", message, seconds=SECONDS_TO_ACTIVATION, payload=payload)
    if now - best.created > LONGEST_APPROVAL:
        message = f"“{best.name}” was not approved within {LONGEST_APPROVAL.days} days."
        return Result.fail("GDAP_EXPIRED", message, payload)
    message = f"The customer has not approved “{best.name}” yet."
    raise Wait("GDAP_APPROVAL_PENDING", message, seconds=SECONDS_TO_APPROVAL, payload=payload)


async def find_relationships(context: TaskContext, *, max_age: float = 0.0) -> CustomerRelationships:
    """Read all relationships with the connection's customer in the partner tenant.

    ``max_age`` is the age in seconds of a reading that another run made; a change gives none. They are checked against
    the clock of this process, which is accurate enough for limits of minutes and days.
    """
    if context.connection is None:
        raise TaskFault("PROVIDER_CONNECTION_MISSING", "The run has no provider connection.")
    customer = external_tenant(context.connection).lower()
    wanted = {"$filter": f"customer/tenantId eq '{customer}'"}
    with reading_partner_tenant():
        items = await context.partner_graph.list(RELATIONSHIPS, wanted, permission=READ_RELATIONSHIPS, max_age=max_age)
    relationships = [relationship_from(fields) for fields in _objects(items) if _customer_of(fields) == customer]
    invitation = await _invitation(context)
    if invitation is not None and all(invitation.id != relationship.id for relationship in relationships):
        relationships.append(invitation)
    return CustomerRelationships(
        customer=customer,
        relationships=tuple(relationships),
        at=datetime.now(UTC),
        invitation=invitation,
        cloud=context.connection.cloud,
    )


async def _invitation(context: TaskContext) -> Relationship | None:
    """The relationship that the run's inputs name: an open invitation has no customer before its approval."""
    if not isinstance(context.inputs, InvitationInputs) or context.inputs.relationship_id is None:
        return None
    path = f"{RELATIONSHIPS}/{quote(context.inputs.relationship_id, safe='')}"
    with reading_partner_tenant():
        try:
            body = await context.partner_graph.get(path, permission=READ_RELATIONSHIPS)
        except GraphRefused as refused:
            if refused.reason_code != NOT_FOUND:
                raise
            raise CannotTell(
                "GDAP_INVITATION_NOT_FOUND", "There is no relationship with the id in the inputs."
            ) from None
    return relationship_from(Fields(body, "delegatedAdminRelationship"))


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
        customer=_customer_of(fields),
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
