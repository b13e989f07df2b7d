"""Reads the holders of the Global Administrator role: active or eligible, direct or through a group."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from task_runner.checks.lists import ADMIN_ROLES
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_LICENSED, GraphRefused
from task_runner.tasks.context import TaskContext

READ_ASSIGNED = "RoleAssignmentSchedule.Read.Directory"
READ_ELIGIBLE = "RoleEligibilitySchedule.Read.Directory"
READ_ROLES = "RoleManagement.Read.Directory"
READ_USERS = "User.Read.All"
READ_MEMBERS = "GroupMember.Read.All"
PERMISSIONS = (READ_ASSIGNED, READ_ELIGIBLE, READ_ROLES, READ_USERS, READ_MEMBERS)

IDS_PER_FILTER = 15
"""Maximum number of values in one ``in`` filter of Microsoft Graph."""

USER, GROUP = "#microsoft.graph.user", "#microsoft.graph.group"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A user or an application with the role."""

    id: str
    is_user: bool
    active: bool
    eligible: bool
    via_group: bool


class RoleHolders(msgspec.Struct, frozen=True, kw_only=True):
    """All holders, sorted by id; ``privileged_identity``: eligible assignments were read."""

    holders: tuple[Holder, ...]
    privileged_identity: bool


async def find_holders(context: TaskContext) -> RoleHolders:
    """Read every holder of the role. Raise ``CannotTell`` if a request is refused or a field is missing."""
    try:
        active = await _instances(context, "roleAssignmentScheduleInstances", READ_ASSIGNED)
        eligible = await _instances(context, "roleEligibilityScheduleInstances", READ_ELIGIBLE)
    except GraphRefused as refused:
        if refused.reason_code != NOT_LICENSED:
            raise
        path = f"/directoryRoles(roleTemplateId='{ADMIN_ROLES.global_administrator}')/members"
        members = await context.graph.list(path, permission=READ_ROLES)
        holders: list[Holder] = []
        for item in members:
            holders += await _expanded(context, Fields(item, "member"), active=True, direct=True)
        return RoleHolders(holders=merged(holders), privileged_identity=False)
    return RoleHolders(holders=merged([*active, *eligible]), privileged_identity=True)


async def _instances(context: TaskContext, kind: str, permission: str) -> list[Holder]:
    role = ADMIN_ROLES.global_administrator
    items = await context.graph.list(
        f"/roleManagement/directory/{kind}",
        {"$filter": f"roleDefinitionId eq '{role}'", "$expand": "principal"},
        permission=permission,
    )
    holders: list[Holder] = []
    for index, item in enumerate(items):
        instance = Fields(item, f"{kind}[{index}]")
        direct = instance.text("memberType") == "Direct"
        active = permission == READ_ASSIGNED
        if instance.text("roleDefinitionId") == role:
            holders += await _expanded(context, instance.at("principal"), active=active, direct=direct)
    return holders


async def _expanded(context: TaskContext, principal: Fields, *, active: bool, direct: bool) -> list[Holder]:
    """Return the principal as holder; if it is a group, its users."""
    own_id, kind = principal.text("id"), principal.text("@odata.type")
    if kind != GROUP:
        holder = Holder(id=own_id, is_user=kind == USER, active=active, eligible=not active, via_group=not direct)
        return [holder]
    members = await context.graph.list(
        f"/groups/{quote(own_id, safe='')}/transitiveMembers/microsoft.graph.user",
        {"$select": "id", "$count": "true"},
        headers={"ConsistencyLevel": "eventual"},
        permission=READ_MEMBERS,
    )
    ids = [Fields(member, "groupMember").text("id") for member in members]
    return [Holder(id=member_id, is_user=True, active=active, eligible=not active, via_group=True) for member_id in ids]


def merged(holders: Sequence[Holder]) -> tuple[Holder, ...]:
    """Merge the holders with the same id, and sort them by id."""
    by_id: dict[str, Holder] = {}
    for holder in holders:
        known = by_id.get(holder.id)
        by_id[holder.id] = holder if known is None else _both(known, holder)
    return tuple(by_id[key] for key in sorted(by_id))


def _both(first: Holder, second: Holder) -> Holder:
    return Holder(
        id=first.id,
        is_user=first.is_user,
        active=first.active or second.active,
        eligible=first.eligible or second.eligible,
        via_group=first.via_group and second.via_group,
    )


async def synchronized(context: TaskContext, ids: Sequence[str]) -> dict[str, Any]:
    """Return user id to ``onPremisesSyncEnabled`` (null = False); users that do not exist are omitted."""
    flags: dict[str, Any] = {}
    for start in range(0, len(ids), IDS_PER_FILTER):
        id_list = ",".join("'" + user_id.replace("'", "''") + "'" for user_id in ids[start : start + IDS_PER_FILTER])
        users = await context.graph.list(
            "/users",
            {"$filter": f"id in ({id_list})", "$select": "id,onPremisesSyncEnabled"},
            permission=READ_USERS,
        )
        for item in users:
            user = Fields(item, "user")
            flags[user.text("id")] = bool(user.flag_or_none("onPremisesSyncEnabled"))
    return flags
