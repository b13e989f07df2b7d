"""Reads who holds the Global Administrator role: active or eligible, directly or through a group.

Principals of other organizations, of deleted objects and of groups without members are holders too: each stands in
the evidence with its kind.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from task_runner.checks.identity.group_members import (
    READ_ELIGIBLE_MEMBERS,
    READ_MEMBERS,
    GroupMember,
    read_eligible_members,
    read_members,
)
from task_runner.checks.lists import ADMIN_ROLES
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_LICENSED, GraphRefused
from task_runner.tasks.context import TaskContext

READ_ASSIGNED = "RoleAssignmentSchedule.Read.Directory"
READ_ELIGIBLE = "RoleEligibilitySchedule.Read.Directory"
READ_ROLES = "RoleManagement.Read.Directory"
PERMISSIONS = (READ_ASSIGNED, READ_ELIGIBLE, READ_ROLES, READ_MEMBERS, READ_ELIGIBLE_MEMBERS)
ROLES = "/roleManagement/directory"

_USER, _GROUP = "#microsoft.graph.user", "#microsoft.graph.group"
_PARTNER, _APPLICATION = "#microsoft.graph.directoryobjectpartnerreference", "#microsoft.graph.serviceprincipal"


class Kind(StrEnum):
    """The kind of a holder. ``PARTNER``: of another organization; ``UNRESOLVED``: Microsoft Graph names only its id."""

    USER = "user"
    APPLICATION = "application"
    PARTNER = "partner"
    EMPTY_GROUP = "group without members"
    UNRESOLVED = "unresolved"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """One holder of the role; ``via_group``: only as member of a group."""

    id: str
    kind: Kind
    active: bool
    eligible: bool
    via_group: bool = False


class RoleHolders(msgspec.Struct, frozen=True, kw_only=True):
    """All holders, sorted by id; ``privileged_identity``: eligible assignments were read."""

    holders: tuple[Holder, ...]
    privileged_identity: bool


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One assignment of the role to a principal, which is None if Microsoft Graph does not return it."""

    principal_id: str
    principal: Fields | None
    active: bool
    direct: bool = True


async def find_holders(context: TaskContext) -> RoleHolders:
    """Read every holder of the role. Raise ``CannotTell`` if a request is refused or a field is missing.

    Without a licence for Privileged Identity Management there are only permanent assignments.
    """
    try:
        assignments = await _assignments(context, "roleAssignmentScheduleInstances", READ_ASSIGNED, active=True)
        assignments += await _assignments(context, "roleEligibilityScheduleInstances", READ_ELIGIBLE, active=False)
        privileged_identity = True
    except GraphRefused as refused:
        if refused.reason_code != NOT_LICENSED:
            raise
        assignments = await _assignments(context, "roleAssignments", READ_ROLES, active=True)
        privileged_identity = False
    holders: list[Holder] = []
    for assignment in assignments:
        holders += await _holders_of(context, assignment, privileged_identity=privileged_identity)
    return RoleHolders(holders=merged(holders), privileged_identity=privileged_identity)


async def _assignments(context: TaskContext, kind: str, permission: str, *, active: bool) -> list[Assignment]:
    role = ADMIN_ROLES.global_administrator
    items = await context.graph.list(
        f"{ROLES}/{kind}",
        {"$filter": f"roleDefinitionId eq '{role}'", "$expand": "principal"},
        permission=permission,
    )
    instances = [Fields(item, f"{kind}[{index}]") for index, item in enumerate(items)]
    return [
        Assignment(
            principal_id=instance.text("principalId").lower(),
            principal=instance.at_or_none("principal"),
            active=active,
            direct=not instance.has("memberType") or instance.text("memberType") == "Direct",
        )
        for instance in instances
        if instance.text("roleDefinitionId") == role
    ]


async def _holders_of(context: TaskContext, assignment: Assignment, *, privileged_identity: bool) -> list[Holder]:
    kind = _kind(assignment.principal, context)
    if kind is not None:
        return [_holder(assignment, assignment.principal_id, kind, via_group=not assignment.direct)]
    members = await read_members(context, assignment.principal_id)
    if members is None:
        return [_holder(assignment, assignment.principal_id, Kind.PARTNER)]
    eligible = await read_eligible_members(context, assignment.principal_id) if privileged_identity else ()
    holders = [_member(assignment, member, active=assignment.active) for member in members]
    holders += [_member(assignment, member, active=False) for member in eligible]
    return holders or [_holder(assignment, assignment.principal_id, Kind.EMPTY_GROUP)]


def _kind(principal: Fields | None, context: TaskContext) -> Kind | None:
    """Return the kind of a principal, None for a group of this directory."""
    if principal is None:
        return Kind.UNRESOLVED
    type_name = principal.text("@odata.type").lower()
    if type_name == _PARTNER or _of_another_organization(principal, context):
        return Kind.PARTNER
    return {_USER: Kind.USER, _GROUP: None, _APPLICATION: Kind.APPLICATION}.get(type_name, Kind.UNRESOLVED)


def _of_another_organization(principal: Fields, context: TaskContext) -> bool:
    organization = principal.text_or_none("organizationId") if principal.has("organizationId") else None
    own = context.connection.external_tenant_id if context.connection else ""
    return organization is not None and organization.lower() != own.lower()


def _member(assignment: Assignment, member: GroupMember, *, active: bool) -> Holder:
    kind = Kind.USER if member.is_user else Kind.APPLICATION
    return Holder(id=member.id, kind=kind, active=active, eligible=not active, via_group=True)


def _holder(assignment: Assignment, object_id: str, kind: Kind, *, via_group: bool = False) -> Holder:
    active = assignment.active
    return Holder(id=object_id, kind=kind, active=active, eligible=not active, via_group=via_group)


def merged(holders: Iterable[Holder]) -> tuple[Holder, ...]:
    """Merge the holders with the same id, and sort them by id."""
    by_id: dict[str, Holder] = {}
    for holder in holders:
        known = by_id.get(holder.id)
        by_id[holder.id] = holder if known is None else _both(known, holder)
    return tuple(by_id[key] for key in sorted(by_id))


def _both(first: Holder, second: Holder) -> Holder:
    return Holder(
        id=first.id,
        kind=first.kind if first.kind is not Kind.UNRESOLVED else second.kind,
        active=first.active or second.active,
        eligible=first.eligible or second.eligible,
        via_group=first.via_group and second.via_group,
    )


def ids_of(holders: Sequence[Holder], *kinds: Kind) -> list[str]:
    """Return the ids of the holders of these kinds."""
    return [holder.id for holder in holders if holder.kind in kinds]
