"""Looks the configured emergency access accounts up in the customer's directory: users, groups, and who is in them."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext

READ_USERS = "User.Read.All"
READ_MEMBERS = "GroupMember.Read.All"


class EmergencyAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One configured object id, and the user or group with it.

    ``kind`` is ``user``, ``group``, or ``missing`` when the directory has neither. ``usable``: sign-in is
    possible, so the user, or one user of the group, is enabled. ``groups`` are all that a user is in, ``members`` the
    users of a group.
    """

    id: str
    kind: str
    usable: bool
    groups: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


async def find_accounts(context: TaskContext, ids: Sequence[str], *, with_groups: bool) -> tuple[EmergencyAccount, ...]:
    """Look up each id, in their order. Raises ``CannotTell`` when the directory cannot be read.

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
            users_in = await _users_in(context, object_id)
            usable = any(users_in.values())
            accounts.append(EmergencyAccount(id=object_id, kind="group", usable=usable, members=frozenset(users_in)))
        else:
            accounts.append(EmergencyAccount(id=object_id, kind="missing", usable=False))
    return tuple(accounts)


async def _by_id(
    context: TaskContext, path: str, fields: str, ids: Sequence[str], permission: str
) -> dict[str, Fields]:
    wanted = ",".join(f"'{object_id}'" for object_id in ids)
    items = await context.graph.list(path, {"$filter": f"id in ({wanted})", "$select": fields}, permission=permission)
    objects = [Fields(item, f"{path[1:]}[{index}]") for index, item in enumerate(items)]
    return {object_id.text("id").lower(): object_id for object_id in objects}


async def _groups_of(context: TaskContext, user: str) -> frozenset[str]:
    path = f"/users/{quote(user, safe='')}/transitiveMemberOf/microsoft.graph.group"
    items: tuple[Any, ...] = await context.graph.list(
        path, {"$select": "id", "$count": "true"}, headers={"ConsistencyLevel": "eventual"}, permission=READ_MEMBERS
    )
    return frozenset(Fields(item, "group").text("id").lower() for item in items)


async def _users_in(context: TaskContext, group: str) -> dict[str, bool]:
    """Object id to whether the account is enabled, of every user in a group."""
    path = f"/groups/{quote(group, safe='')}/transitiveMembers/microsoft.graph.user"
    wanted = {"$select": "id,accountEnabled", "$count": "true"}
    items = await context.graph.list(path, wanted, headers={"ConsistencyLevel": "eventual"}, permission=READ_MEMBERS)
    members = [Fields(item, "groupMember") for item in items]
    return {member.text("id").lower(): member.flag("accountEnabled") for member in members}
