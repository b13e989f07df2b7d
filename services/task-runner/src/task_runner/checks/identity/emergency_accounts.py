"""Reads the configured emergency access accounts in the customer's directory: users, groups and their members."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext

READ_USERS = "User.Read.All"
READ_MEMBERS = "GroupMember.Read.All"


class EmergencyAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The user or group with a configured object id.

    ``kind`` is ``user``, ``group``, or ``missing`` if the directory has neither. ``usable``: the user, or one user of
    the group, is enabled. ``groups`` are the direct and transitive groups of a user, ``members`` the direct and
    transitive users of a group.
    """

    id: str
    kind: str
    usable: bool
    groups: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


async def find_accounts(context: TaskContext, ids: Sequence[str], *, with_groups: bool) -> tuple[EmergencyAccount, ...]:
    """Read the account of each id, in order. Raise ``CannotTell`` if the directory cannot be read.

    ``with_groups``: read the groups of each user; otherwise ``groups`` is empty.
    """
    users = await _by_id(context, "/users", "id,accountEnabled", ids, READ_USERS)
    group_ids = [object_id for object_id in ids if object_id not in users]
    groups = await _by_id(context, "/groups", "id", group_ids, READ_MEMBERS) if group_ids else {}
    accounts: list[EmergencyAccount] = []
    for object_id in ids:
        if object_id in users:
            enabled = users[object_id].flag("accountEnabled")
            memberships = await _groups_of(context, object_id) if with_groups else frozenset[str]()
            accounts.append(EmergencyAccount(id=object_id, kind="user", usable=enabled, groups=memberships))
        elif object_id in groups:
            members = await _members_of(context, object_id)
            usable = any(members.values())
            accounts.append(EmergencyAccount(id=object_id, kind="group", usable=usable, members=frozenset(members)))
        else:
            accounts.append(EmergencyAccount(id=object_id, kind="missing", usable=False))
    return tuple(accounts)


async def _by_id(
    context: TaskContext, path: str, fields: str, ids: Sequence[str], permission: str
) -> dict[str, Fields]:
    id_list = ",".join(f"'{object_id}'" for object_id in ids)
    items = await context.graph.list(path, {"$filter": f"id in ({id_list})", "$select": fields}, permission=permission)
    objects = [Fields(item, f"{path[1:]}[{index}]") for index, item in enumerate(items)]
    return {directory_object.text("id").lower(): directory_object for directory_object in objects}


async def _groups_of(context: TaskContext, user: str) -> frozenset[str]:
    path = f"/users/{quote(user, safe='')}/transitiveMemberOf/microsoft.graph.group"
    items: tuple[Any, ...] = await context.graph.list(
        path, {"$select": "id", "$count": "true"}, headers={"ConsistencyLevel": "eventual"}, permission=READ_MEMBERS
    )
    return frozenset(Fields(item, "group").text("id").lower() for item in items)


async def _members_of(context: TaskContext, group: str) -> dict[str, bool]:
    """Return object id to ``accountEnabled`` of every user in a group."""
    path = f"/groups/{quote(group, safe='')}/transitiveMembers/microsoft.graph.user"
    wanted = {"$select": "id,accountEnabled", "$count": "true"}
    items = await context.graph.list(path, wanted, headers={"ConsistencyLevel": "eventual"}, permission=READ_MEMBERS)
    members = [Fields(item, "groupMember") for item in items]
    return {member.text("id").lower(): member.flag("accountEnabled") for member in members}
