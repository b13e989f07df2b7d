"""Reads the delegated admin relationships (GDAP) with one customer in the partner tenant."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from task_runner.checks.gdap.relationships import CustomerRelationships, Relationship
from task_runner.checks.judging import NotJudged
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_FOUND, GraphRefused, SignInRefused
from task_runner.providers.tokens import external_tenant
from task_runner.tasks.context import TaskContext
from task_runner.tasks.result import CannotTell, TaskFault

RELATIONSHIPS = "/tenantRelationships/delegatedAdminRelationships"
READ_RELATIONSHIPS = "DelegatedAdminRelationship.Read.All"
RelationshipId = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]+\Z", max_length=100)]


class InvitationInputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The inputs of a task: ``relationship_id`` is an invitation, which may have been sent without naming a customer.

    A start that omits it has the one that ``gdap.invite`` sent in the same session.
    """

    relationship_id: RelationshipId | None = None


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
    relationships, not_judged = relationships_of(items, customer)
    invitation = await _invitation(context)
    if invitation is not None and all(invitation.id != relationship.id for relationship in relationships):
        relationships.append(invitation)
    return CustomerRelationships(
        customer=customer,
        relationships=tuple(relationships),
        at=datetime.now(UTC),
        invitation=invitation,
        cloud=context.connection.cloud,
        not_judged=not_judged,
    )


async def find_all_relationships(context: TaskContext) -> CustomerRelationships:
    """Read the relationships for a change. Raise ``CannotTell`` if one of them cannot be judged."""
    customer = await find_relationships(context)
    if customer.not_judged:
        cause = customer.not_judged[0]
        message = f"The relationship {cause.name or cause.id} cannot be judged, so nothing is changed. {cause.message}"
        raise CannotTell(cause.reason_code, message)
    return customer


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


def relationships_of(items: Sequence[Any], customer: str) -> tuple[list[Relationship], tuple[NotJudged, ...]]:
    """Return the relationships with this customer in a response, and those that cannot be judged."""
    relationships: list[Relationship] = []
    not_judged: list[NotJudged] = []
    for index, item in enumerate(items):
        try:
            fields = Fields(item, f"delegatedAdminRelationships[{index}]")
            if _customer_of(fields) == customer:
                relationships.append(relationship_from(fields))
        except CannotTell as failure:
            not_judged.append(NotJudged.of(item, failure, "displayName"))
    return relationships, tuple(not_judged)


def _customer_of(fields: Fields) -> str | None:
    """Return the customer's tenant id in lower case; None for a request that is not limited to one customer."""
    customer = fields.at_or_none("customer")
    return None if customer is None else customer.text("tenantId").lower()


def relationship_from(fields: Fields) -> Relationship:
    """Return one relationship of a response. Raise ``CannotTell`` if a field is missing."""
    own_id = fields.text("id")
    return Relationship(
        id=own_id,
        name=fields.text_or_none("displayName") or own_id,
        status=fields.text("status"),
        created=fields.moment("createdDateTime"),
        activated=fields.moment_or_none("activatedDateTime"),
        ends=fields.moment_or_none("endDateTime"),
        auto_extend=fields.text_or_none("autoExtendDuration") or "",
        roles=roles_from(fields),
        customer=_customer_of(fields),
        reseller_pending=fields.has("isPartnerConsentPending") and bool(fields.flag_or_none("isPartnerConsentPending")),
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
