"""Reads the members of a group: direct and nested ones, and those eligible by Privileged Identity Management (PIM)."""

from urllib.parse import quote

import msgspec

from task_runner.checks.identity.principals import Kind, kind_of
from task_runner.checks.lists import PLANS
from task_runner.checks.subscriptions import confirm_unlicensed
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_FOUND, NOT_LICENSED, GraphRefused
from task_runner.tasks.context import TaskContext

READ_MEMBERS = "GroupMember.Read.All"
READ_ELIGIBLE_MEMBERS = "PrivilegedEligibilitySchedule.Read.AzureADGroup"
ELIGIBLE = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"


class GroupMember(msgspec.Struct, frozen=True, kw_only=True):
    """A principal in a group, by its object id in lower case."""

    id: str
    kind: Kind


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
    objects = [Fields(item, f"transitiveMembers[{index}]") for index, item in enumerate(items)]
    members = [GroupMember(id=member.text("id").lower(), kind=kind_of(member, context)) for member in objects]
    return tuple(member for member in members if member.kind in (Kind.USER, Kind.APPLICATION))


async def read_eligible_members(context: TaskContext, group: str) -> tuple[GroupMember, ...]:
    """Return the principals who can become members or owners by PIM for Groups, groups among them.

    None without a licence for it.
    """
    try:
        items = await context.graph.list(
            ELIGIBLE, {"$filter": f"groupId eq '{group}'", "$expand": "principal"}, permission=READ_ELIGIBLE_MEMBERS
        )
    except GraphRefused as refused:
        if refused.reason_code != NOT_LICENSED:
            raise
        await confirm_unlicensed(context, refused, PLANS.privileged_identity)
        return ()
    instances = [Fields(item, f"eligibilityScheduleInstances[{index}]") for index, item in enumerate(items)]
    return tuple(
        GroupMember(id=instance.text("principalId").lower(), kind=kind_of(instance.at_or_none("principal"), context))
        for instance in instances
        if instance.text("groupId").lower() == group.lower()
    )
