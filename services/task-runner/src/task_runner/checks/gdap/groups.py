"""Security groups of the partner's tenant: by id, by name, and their members."""

from collections.abc import Collection, Mapping
from urllib.parse import quote

from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext

READ_GROUPS = "GroupMember.Read.All"
IDS_IN_FILTER = 15
"""Microsoft Graph's limit of values in an ``in`` filter."""
_SELECT = "id,displayName,securityEnabled"


async def groups_by_id(context: TaskContext, ids: Collection[str]) -> dict[str, str]:
    """Id to name of those of the groups that exist and are security groups."""
    wanted, groups = sorted(ids), dict[str, str]()
    for start in range(0, len(wanted), IDS_IN_FILTER):
        listed = ",".join(f"'{group_id}'" for group_id in wanted[start : start + IDS_IN_FILTER])
        groups |= await _security_groups(context, f"id in ({listed})")
    return groups


async def groups_by_name(context: TaskContext, names: Collection[str]) -> dict[str, str]:
    """Id to name of the security groups with these names."""
    groups = dict[str, str]()
    for name in sorted(names):
        quoted = name.replace("'", "''")
        groups |= await _security_groups(context, f"displayName eq '{quoted}'")
    return groups


async def members_of(context: TaskContext, groups: Collection[str]) -> Mapping[str, frozenset[str]]:
    """The object ids of the direct members of each group."""
    members: dict[str, frozenset[str]] = {}
    for group_id in sorted(groups):
        path = f"/groups/{quote(group_id, safe='')}/members"
        items = await context.partner_graph.list(path, {"$select": "id", "$top": "999"}, permission=READ_GROUPS)
        found = (Fields(item, f"members[{index}]").text("id").lower() for index, item in enumerate(items))
        members[group_id] = frozenset(found)
    return members


async def _security_groups(context: TaskContext, expression: str) -> dict[str, str]:
    parameters = {"$filter": expression, "$select": _SELECT}
    items = await context.partner_graph.list("/groups", parameters, permission=READ_GROUPS)
    groups = [Fields(item, f"groups[{index}]") for index, item in enumerate(items)]
    return {group.text("id").lower(): group.text("displayName") for group in groups if group.flag("securityEnabled")}
