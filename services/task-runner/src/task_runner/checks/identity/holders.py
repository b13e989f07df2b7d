"""Reads who holds the Global Administrator role: active or eligible, directly or through a group.

Principals of other organizations, of deleted objects and of groups without members are holders too: each stands in
the evidence with its kind.
"""

from collections.abc import Iterable, Sequence

import msgspec

from task_runner.checks.identity.group_members import (
    READ_ELIGIBLE_MEMBERS,
    READ_MEMBERS,
    read_eligible_members,
    read_members,
)
from task_runner.checks.identity.principals import Kind, kind_of
from task_runner.checks.lists import ADMIN_ROLES, PLANS
from task_runner.checks.reads import read_together
from task_runner.checks.subscriptions import READ_ORGANIZATION, confirm_unlicensed
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_LICENSED, GraphRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.graph import Read

READ_ASSIGNED = "RoleAssignmentSchedule.Read.Directory"
READ_ELIGIBLE = "RoleEligibilitySchedule.Read.Directory"
READ_ROLES = "RoleManagement.Read.Directory"
PERMISSIONS = (READ_ASSIGNED, READ_ELIGIBLE, READ_ROLES, READ_MEMBERS, READ_ELIGIBLE_MEMBERS, READ_ORGANIZATION)
ROLES = "/roleManagement/directory"


def _of_the_role(name: str, permission: str) -> Read:
    role = ADMIN_ROLES.global_administrator
    params = {"$filter": f"roleDefinitionId eq '{role}'", "$expand": "principal"}
    return Read(path=f"{ROLES}/{name}", params=params, permission=permission)


_ASSIGNED = _of_the_role("roleAssignmentScheduleInstances", READ_ASSIGNED)
_ELIGIBLE = _of_the_role("roleEligibilityScheduleInstances", READ_ELIGIBLE)
_PERMANENT = _of_the_role("roleAssignments", READ_ROLES)


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
    """One assignment of the role to a principal; ``direct`` is False if the principal has it by a group."""

    principal_id: str
    kind: Kind
    active: bool
    direct: bool = True

    def holder(self, object_id: str, kind: Kind) -> Holder:
        """Return the holder that this assignment makes of a principal."""
        via_group = not self.direct or object_id != self.principal_id
        return Holder(id=object_id, kind=kind, active=self.active, eligible=not self.active, via_group=via_group)


async def find_holders(context: TaskContext) -> RoleHolders:
    """Read every holder of the role. Raise ``CannotTell`` if a request is refused or a field is missing.

    Without a licence for Privileged Identity Management there are only permanent assignments.
    """
    try:
        active, eligible = await read_together(context.graph, [_ASSIGNED, _ELIGIBLE])
        assignments = _assignments(active, context, active=True) + _assignments(eligible, context, active=False)
        privileged_identity = True
    except GraphRefused as refused:
        if refused.reason_code != NOT_LICENSED:
            raise
        await confirm_unlicensed(context, refused, PLANS.privileged_identity)
        (permanent,) = await read_together(context.graph, [_PERMANENT])
        assignments = _assignments(permanent, context, active=True)
        privileged_identity = False
    reading = _Groups(context, privileged_identity=privileged_identity)
    holders: list[Holder] = []
    for assignment in assignments:
        holders += await reading.holders_of(assignment)
    return RoleHolders(holders=merged(holders), privileged_identity=privileged_identity)


def _assignments(body: Fields, context: TaskContext, *, active: bool) -> list[Assignment]:
    return [
        Assignment(
            principal_id=instance.text("principalId").lower(),
            kind=kind_of(instance.at_or_none("principal"), context),
            active=active,
            direct=not instance.has("memberType") or instance.text("memberType") == "Direct",
        )
        for instance in body.each("value")
        if instance.text("roleDefinitionId") == ADMIN_ROLES.global_administrator
    ]


class _Groups:
    """Expands groups to their members; a group that contains itself is expanded once."""

    def __init__(self, context: TaskContext, *, privileged_identity: bool) -> None:
        self._context = context
        self._privileged_identity = privileged_identity

    async def holders_of(self, assignment: Assignment, within: frozenset[str] = frozenset()) -> list[Holder]:
        """Return the holders that an assignment makes.

        A principal of which only the id is known can be a group, and is looked for among them.
        """
        own_id, kind = assignment.principal_id, assignment.kind
        if own_id in within:
            return []
        if kind not in (Kind.GROUP, Kind.UNRESOLVED):
            return [assignment.holder(own_id, kind)]
        members = await read_members(self._context, own_id)
        if members is None:
            return [assignment.holder(own_id, Kind.PARTNER if kind is Kind.GROUP else kind)]
        holders = [assignment.holder(member.id, member.kind) for member in members]
        eligible = await read_eligible_members(self._context, own_id) if self._privileged_identity else ()
        for member in eligible:
            by_group = Assignment(principal_id=member.id, kind=member.kind, active=False, direct=False)
            holders += await self.holders_of(by_group, within | {own_id})
        return holders or [assignment.holder(own_id, Kind.EMPTY_GROUP)]


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
