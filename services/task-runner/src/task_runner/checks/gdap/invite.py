"""``gdap.invite``: creates a delegated admin relationship, and waits until the customer has approved it.

Protocol: https://learn.microsoft.com/graph/api/resources/delegatedadminrelationships-api-overview
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from onboarding_shared.contracts.task_runner import OFFERED_INPUTS
from task_runner.checks.gdap.changes import WRITE_RELATIONSHIPS, PlannedChange, changed_meanwhile, dry_run_result
from task_runner.checks.gdap.reading import (
    READ_RELATIONSHIPS,
    RELATIONSHIPS,
    find_all_relationships,
    reading_partner_tenant,
    relationship_from,
)
from task_runner.checks.gdap.relationships import (
    ACTIVATING_STATUSES,
    APPROVAL_PENDING,
    DRAFT,
    LONGEST_APPROVAL,
    PENDING_STATUSES,
    SECONDS_TO_ACTIVATION,
    SECONDS_TO_APPROVAL,
    CustomerRelationships,
    Relationship,
    invitation_link,
    payload_of,
)
from task_runner.checks.lists import ADMIN_ROLES, expected_roles
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import GraphRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.gdap_profile import GdapProfile
from task_runner.tasks.result import Result, TaskFault, Wait

NO_EXTENSION, EXTENSION = "PT0S", "P180D"
LONGEST_NAME = 50


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """The relationship to create, as Microsoft Graph takes it."""

    name: str
    customer: str
    duration_days: int
    auto_extend: str
    roles: tuple[str, ...]

    def as_body(self) -> dict[str, Any]:
        """The body of the request."""
        return {
            "displayName": self.name,
            "duration": f"P{self.duration_days}D",
            "customer": {"tenantId": self.customer},
            "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in self.roles]},
            "autoExtendDuration": self.auto_extend,
        }


def invitation_for(customer: str, run_id: int, roles: Mapping[str, str], profile: GdapProfile) -> Invitation:
    """The invitation of a customer. Its name is unique, because names are unique in the partner's tenant.

    Microsoft refuses the automatic extension together with Global Administrator.
    """
    extended = profile.auto_extend and ADMIN_ROLES.global_administrator not in roles.values()
    return Invitation(
        name=f"Onboarding {customer[:8]} run {run_id}"[:LONGEST_NAME],
        customer=customer,
        duration_days=profile.duration_days,
        auto_extend=EXTENSION if extended else NO_EXTENSION,
        roles=tuple(sorted(set(roles.values()))),
    )


def covers(customer: CustomerRelationships, roles: Mapping[str, str]) -> bool:
    """True if the active relationships together give these roles."""
    if not customer.active or all(relationship.by_microsoft for relationship in customer.active):
        return False
    return ADMIN_ROLES.global_administrator in customer.roles or customer.roles.issuperset(roles.values())


def unfinished(customer: CustomerRelationships, roles: Mapping[str, str]) -> Relationship | None:
    """The newest relationship with all of these roles that can still be approved, or still has to be sent."""
    candidates = [
        relationship
        for relationship in customer.relationships
        if relationship.status in (DRAFT, *PENDING_STATUSES)
        and set(relationship.roles).issuperset(roles.values())
        and (relationship.status in ACTIVATING_STATUSES or customer.at - relationship.created <= LONGEST_APPROVAL)
    ]
    return max(candidates, key=lambda relationship: relationship.created, default=None)


@task(
    "gdap.invite",
    step=1,
    title="Invite the customer to delegated administration",
    mode="exclusive",
    required=False,
    dry_run=True,
    time_limit=120.0,
)
async def gdap_invite(context: TaskContext) -> Result:
    """Creates a relationship with the operator's roles, locks it for approval, and waits for the customer's approval.

    An existing relationship is used where it gives the roles, or is still to be approved.
    """
    roles = expected_roles(context.gdap.required_roles).required
    await context.progress(0, 2, "Reading the relationships with the customer")
    customer = await find_all_relationships(context)
    payload = payload_of(customer)
    if covers(customer, roles):
        if context.dry_run:
            return dry_run_result((), payload)
        message = "The customer has approved relationships with all required roles."
        return Result.ok("GDAP_ACTIVE", message, {**payload, **offering(customer.best)})
    relationship = unfinished(customer, roles)
    invitation = invitation_for(customer.customer, context.run_id, roles, context.gdap)
    if context.dry_run:
        return dry_run_result(planned(relationship, invitation), payload)
    await context.progress(1, 2, "Sending the invitation")
    with reading_partner_tenant():
        if relationship is None:
            relationship = await _create(context, invitation)
        if relationship.status == DRAFT:
            relationship = await _lock_for_approval(context, relationship)
    raise waiting_for(relationship, customer.cloud, payload)


def planned(relationship: Relationship | None, invitation: Invitation) -> Sequence[PlannedChange]:
    """The requests that are still to be sent."""
    lock = PlannedChange(action="lock for approval", target=relationship.name if relationship else invitation.name)
    if relationship is None:
        create = PlannedChange(action="create relationship", target=invitation.name, details=invitation.as_body())
        return (create, lock)
    return (lock,) if relationship.status == DRAFT else ()


def offering(relationship: Relationship | None) -> dict[str, Any]:
    """The payload member by which later runs of the session follow this relationship without its being named."""
    return {} if relationship is None else {OFFERED_INPUTS: {"relationship_id": relationship.id}}


def waiting_for(relationship: Relationship, cloud: str, payload: Mapping[str, Any]) -> Wait:
    """The wait for the approval, whose message has the customer's link if it is known, or for the activation."""
    payload = {**payload, **offering(relationship)}
    if relationship.status in ACTIVATING_STATUSES:
        message = f"The customer has approved “{relationship.name}”; Microsoft is activating it."
        return Wait("GDAP_ACTIVATING", message, seconds=SECONDS_TO_ACTIVATION, payload=payload)
    link = invitation_link(relationship, cloud)
    place = link or f"the invitation of relationship {relationship.id}, whose link Partner Center shows"
    message = f"The customer has not approved “{relationship.name}” yet. An administrator of the customer opens {place}"
    details = {**payload, "relationship": msgspec.to_builtins(relationship), "invitation_link": link}
    return Wait("GDAP_APPROVAL_PENDING", message, seconds=SECONDS_TO_APPROVAL, payload=details)


async def _create(context: TaskContext, invitation: Invitation) -> Relationship:
    try:
        body = await context.partner_graph.post(RELATIONSHIPS, invitation.as_body(), permission=WRITE_RELATIONSHIPS)
    except GraphRefused as refused:
        if refused.http_status != 409:
            raise
        # Only this run uses the name: an earlier attempt created the relationship, and it cannot be listed yet.
        message = f"The relationship “{invitation.name}” was created and cannot be read yet."
        raise TaskFault("GDAP_NOT_VISIBLE_YET", message, retryable=True) from None
    return relationship_from(Fields(body, "delegatedAdminRelationship"))


async def _lock_for_approval(context: TaskContext, relationship: Relationship) -> Relationship:
    path = f"{RELATIONSHIPS}/{quote(relationship.id, safe='')}"
    try:
        await context.partner_graph.post(
            f"{path}/requests", {"action": "lockForApproval"}, permission=WRITE_RELATIONSHIPS
        )
    except GraphRefused as refused:
        if refused.http_status != 404 and not changed_meanwhile(refused):
            raise
        message = f"The relationship “{relationship.name}” is not in the read state any more, or cannot be read yet."
        raise TaskFault("GDAP_NOT_VISIBLE_YET", message, retryable=True) from None
    body = await context.partner_graph.get(path, permission=READ_RELATIONSHIPS)
    locked = relationship_from(Fields(body, "delegatedAdminRelationship"))
    # The change of the status may take a moment; the request was accepted.
    return locked if locked.status != DRAFT else msgspec.structs.replace(locked, status=APPROVAL_PENDING)
