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
    """One configured object id and what is behind it.

    ``kind`` is ``user``, ``group``, or ``missing`` when the directory has neither. ``usable``: somebody can sign in
    with it, so the user, or one user of the group, is enabled. ``groups`` are all that a user is in, ``members`` the
    users of a group.
    """

    id: str
    kind: str
    usable: bool
    groups: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


async def find_accounts(context: TaskContext, ids: Sequence[str], *, with_groups: bool) -> tuple[EmergencyAccount, ...]:
    """What is behind each id, in their order. Raises ``CannotTell`` when the directory cannot be read.

    ``with_groups``: whether to read which groups a user is in; otherwise ``groups`` is empty.
    """
    users = await _by_id(context, "/users", "id,accountEnabled", ids, READ_USERS)
    others = [one for one in ids if one not in users]
    groups = await _by_id(context, "/groups", "id", others, READ_MEMBERS) if others else {}
    found: list[EmergencyAccount] = []
    for one in ids:
        if one in users:
            enabled = users[one].flag("accountEnabled")
            around = await _groups_of(context, one) if with_groups else frozenset[str]()
            found.append(EmergencyAccount(id=one, kind="user", usable=enabled, groups=around))
        elif one in groups:
            users_in = await _users_in(context, one)
            usable = any(users_in.values())
            found.append(EmergencyAccount(id=one, kind="group", usable=usable, members=frozenset(users_in)))
        else:
            found.append(EmergencyAccount(id=one, kind="missing", usable=False))
    return tuple(found)


async def _by_id(
    context: TaskContext, path: str, fields: str, ids: Sequence[str], permission: str
) -> dict[str, Fields]:
    wanted = ",".join(f"'{one}'" for one in ids)
    found = await context.graph.list(path, {"$filter": f"id in ({wanted})", "$select": fields}, permission=permission)
    objects = [Fields(item, f"{path[1:]}[{index}]") for index, item in enumerate(found)]
    return {one.text("id").lower(): one for one in objects}


async def _groups_of(context: TaskContext, user: str) -> frozenset[str]:
    path = f"/users/{quote(user, safe='')}/transitiveMemberOf/microsoft.graph.group"
    found: tuple[Any, ...] = await context.graph.list(path, {"$select": "id"}, permission=READ_MEMBERS)
    return frozenset(Fields(item, "group").text("id").lower() for item in found)


async def _users_in(context: TaskContext, group: str) -> dict[str, bool]:
    """Object id to whether the account is enabled, of every user in a group."""
    path = f"/groups/{quote(group, safe='')}/transitiveMembers/microsoft.graph.user"
    found = await context.graph.list(path, {"$select": "id,accountEnabled"}, permission=READ_MEMBERS)
    members = [Fields(item, "groupMember") for item in found]
    return {one.text("id").lower(): one.flag("accountEnabled") for one in members}
