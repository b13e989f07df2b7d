"""Reads the members of a group: direct and nested ones, and those eligible by Privileged Identity Management (PIM)."""

from urllib.parse import quote

import msgspec

from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_FOUND, NOT_LICENSED, GraphRefused
from task_runner.tasks.context import TaskContext

READ_MEMBERS = "GroupMember.Read.All"
READ_ELIGIBLE_MEMBERS = "PrivilegedEligibilitySchedule.Read.AzureADGroup"
ELIGIBLE = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"

_USER, _APPLICATION = "#microsoft.graph.user", "#microsoft.graph.serviceprincipal"


class GroupMember(msgspec.Struct, frozen=True, kw_only=True):
    """A user or an application in a group, by its object id in lower case."""

    id: str
    is_user: bool


async def read_members(context: TaskContext, group: str) -> tuple[GroupMember, ...] | None:
    """Return all users and applications of a group; None if this directory does not contain the group.

    Without a cast to users, so that applications are returned too, and no advanced query is needed.
    """
    path = f"/groups/{quote(group, safe='')}/transitiveMembers"
    try:
        items = await context.graph.list(path, {"$select": "id", "$top": "999"}, permission=READ_MEMBERS)
    except GraphRefused as refused:
        if refused.reason_code == NOT_FOUND:
            return None
        raise
    members = [Fields(item, f"transitiveMembers[{index}]") for index, item in enumerate(items)]
    kinds = [(member.text("id").lower(), member.text("@odata.type").lower()) for member in members]
    return tuple(
        GroupMember(id=own_id, is_user=kind == _USER) for own_id, kind in kinds if kind in (_USER, _APPLICATION)
    )


async def read_eligible_members(context: TaskContext, group: str) -> tuple[GroupMember, ...]:
    """Return the users who can become members by PIM for Groups; none without a licence for it."""
    try:
        items = await context.graph.list(
            ELIGIBLE, {"$filter": f"groupId eq '{group}'"}, permission=READ_ELIGIBLE_MEMBERS
        )
    except GraphRefused as refused:
        if refused.reason_code == NOT_LICENSED:
            return ()
        raise
    members = [Fields(item, f"eligibilityScheduleInstances[{index}]") for index, item in enumerate(items)]
    return tuple(
        GroupMember(id=member.text("principalId").lower(), is_user=True)
        for member in members
        if member.text("groupId").lower() == group.lower()
    )
