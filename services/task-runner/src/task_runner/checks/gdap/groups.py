"""Security groups of the partner's tenant: by id, by name, and their members."""

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import quote

from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext
from task_runner.tasks.graph import SHARED, Read
from task_runner.tasks.result import CannotTell

READ_GROUPS = "GroupMember.Read.All"
IDS_IN_FILTER = 15
"""Microsoft Graph's limit of values in an ``in`` filter."""
_SELECT = "id,displayName,securityEnabled"


async def groups_by_id(context: TaskContext, ids: Collection[str]) -> dict[str, str]:
    """Id to name of those of the groups that exist and are security groups."""
    wanted = sorted(ids)
    parts = [wanted[start : start + IDS_IN_FILTER] for start in range(0, len(wanted), IDS_IN_FILTER)]
    listed = [",".join(f"'{group_id}'" for group_id in part) for part in parts]
    return await _security_groups(context, [f"id in ({part})" for part in listed])


async def groups_by_name(context: TaskContext, names: Collection[str]) -> dict[str, str]:
    """Id to name of the security groups with these names."""
    quoted = [name.replace("'", "''") for name in sorted(names)]
    return await _security_groups(context, [f"displayName eq '{name}'" for name in quoted])


async def members_of(context: TaskContext, groups: Collection[str]) -> Mapping[str, frozenset[str]]:
    """The object ids of the direct members of each group."""
    ids = sorted(groups)
    reads = [
        Read(
            path=f"/groups/{quote(group_id, safe='')}/members",
            params={"$select": "id", "$top": "999"},
            permission=READ_GROUPS,
        )
        for group_id in ids
    ]
    listed = await _items_of(context, reads)
    return {group_id: frozenset(member.text("id").lower() for member in listed[at]) for at, group_id in enumerate(ids)}


async def _security_groups(context: TaskContext, expressions: Sequence[str]) -> dict[str, str]:
    reads = [
        Read(path="/groups", params={"$filter": expression, "$select": _SELECT}, permission=READ_GROUPS)
        for expression in expressions
    ]
    groups = [group for items in await _items_of(context, reads) for group in items]
    return {group.text("id").lower(): group.text("displayName") for group in groups if group.flag("securityEnabled")}


async def _items_of(context: TaskContext, reads: Sequence[Read]) -> list[tuple[Fields, ...]]:
    """The items of each list, which the checks of other customers may have read. Raises the first refusal."""
    items: list[tuple[Fields, ...]] = []
    for read, body in zip(reads, await context.partner_graph.read_many(reads, max_age=SHARED), strict=True):
        if isinstance(body, CannotTell):
            raise body
        items.append(Fields(body, read.path[1:]).each("value"))
    return items
