"""Groups with their members: of a customer, and the security groups of the partner."""

from typing import Any

from litestar import Response

from microsoft_emulator.behaviour import Fixture, Premium
from microsoft_emulator.directory import PEOPLE, users
from microsoft_emulator.gdap_roles import ROLES
from microsoft_emulator.ids import PARTNER_TENANT
from microsoft_emulator.principals import Timed
from microsoft_emulator.query import Query
from microsoft_emulator.replies import reply
from microsoft_emulator.routing import Call, Route, any_of, bad_request, not_found
from microsoft_emulator.tenants import Tenant

READ = any_of("GroupMember.Read.All", "GroupMember.ReadWrite.All", "Directory.Read.All")
READ_USERS_GROUPS = (
    *any_of("Directory.Read.All"),
    frozenset({"GroupMember.Read.All", "User.Read.All"}),
    frozenset({"GroupMember.ReadWrite.All", "User.Read.All"}),
)
WRITE = any_of("GroupMember.ReadWrite.All")
ADMINISTRATORS_GROUP = "Tenant Administrators"
USER = {"@odata.type": "#microsoft.graph.user"}
GROUP = {"@odata.type": "#microsoft.graph.group"}


def _names(tenant: Tenant) -> dict[str, tuple[str, ...]]:
    """The names of the groups with the names of their first members."""
    if tenant.guid == PARTNER_TENANT:
        return {"All employees": PEOPLE, **{f"M365 GDAP {role}": PEOPLE[:1] for role in ROLES}}
    members_by_group: dict[str, tuple[str, ...]] = {"All Employees": PEOPLE, "Sales": PEOPLE[:2]}
    if tenant.control.has(Fixture.GROUP):
        members_by_group[ADMINISTRATORS_GROUP] = PEOPLE[3:5]
    return members_by_group


def group_id(tenant: Tenant, name: str) -> str:
    """The id of a group by its name."""
    return tenant.id_of(f"group/{name.removeprefix('M365 GDAP ')}")


def groups(tenant: Tenant) -> list[dict[str, Any]]:
    """The groups of the directory."""
    return [
        {
            "id": group_id(tenant, name),
            "displayName": name,
            "securityEnabled": name != "All employees",
            "mailEnabled": False,
            "groupTypes": [],
            "isAssignableToRole": True if name == ADMINISTRATORS_GROUP else None,
        }
        for name in _names(tenant)
    ]


def member_ids(tenant: Tenant, group: str) -> list[str] | None:
    """The ids of the members of a group; None if there is no such group."""
    members = next((names for name, names in _names(tenant).items() if group_id(tenant, name) == group), None)
    if members is None:
        return None
    added = [member.body["id"] for member in tenant.members_added.get(group, ()) if member.visible]
    return [*(tenant.id_of(f"user/{name}") for name in members), *added]


def _one(call: Call) -> Any:
    matching = [group for group in groups(call.tenant) if group["id"] == call.arguments["id"]]
    return matching[0] if matching else not_found(call.arguments["id"])


def _members(call: Call) -> Any:
    ids = member_ids(call.tenant, call.arguments["id"])
    if ids is None:
        return not_found(call.arguments["id"])
    return [USER | user for user in users(call.tenant) if user["id"] in ids]


def _eligible_members(call: Call) -> Any:
    tenant = call.tenant
    if call.filter_of("groupId") is None:
        return bad_request("The filter on groupId is required.")
    group = group_id(tenant, ADMINISTRATORS_GROUP)
    principals = {
        Fixture.ELIGIBLE_MEMBER: USER | {"id": tenant.id_of(f"user/{PEOPLE[5]}")},
        Fixture.ELIGIBLE_GROUP: GROUP | {"id": group_id(tenant, "All Employees")},
    }
    return [
        {
            "id": f"{group}_member_{principal['id']}",
            "groupId": group,
            "principalId": principal["id"],
            "accessId": "member",
            "memberType": "direct",
            "startDateTime": None,
            "endDateTime": None,
            "principal": principal,
        }
        for fixture, principal in principals.items()
        if tenant.control.has(fixture)
    ]


def _groups_of_user(call: Call) -> Any:
    if not any(user["id"] == call.arguments["id"] for user in users(call.tenant)):
        return not_found(call.arguments["id"])
    return [
        group for group in groups(call.tenant) if call.arguments["id"] in (member_ids(call.tenant, group["id"]) or ())
    ]


def _add_member(call: Call) -> Response[Any]:
    group, body = call.arguments["id"], call.json() or {}
    ids = member_ids(call.tenant, group)
    if ids is None:
        return not_found(group)
    base, _, user = str(body.get("@odata.id")).rpartition("/")
    if not base.endswith(("/directoryObjects", "/users")):
        return bad_request("The body must have the property '@odata.id' with the address of a directory object.")
    if not any(known["id"] == user for known in users(call.tenant)):
        return not_found(user)
    if user in ids or any(member.body["id"] == user for member in call.tenant.members_added.get(group, ())):
        return bad_request("One or more added object references already exist for the property 'members'.")
    call.tenant.members_added.setdefault(group, []).append(Timed({"id": user}, call.tenant.visible_later()))
    return reply(None, 204)


_GROUPS = Query(
    type="Group",
    filters=frozenset({"id in", "id eq", "securityEnabled eq", "displayName eq"}),
    max_top=999,
)
_USERS = Query(type="User", max_top=999)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/groups", lambda call: groups(call.tenant), READ, _GROUPS),
    Route("GET", "/groups/{id}", _one, READ, Query(type="Group")),
    Route("GET", "/groups/{id}/members", _members, READ, _USERS),
    Route("POST", "/groups/{id}/members/$ref", _add_member, WRITE),
    Route("GET", "/groups/{id}/transitiveMembers", _members, READ, _USERS),
    Route(
        "GET",
        "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances",
        _eligible_members,
        any_of("PrivilegedEligibilitySchedule.Read.AzureADGroup"),
        Query(
            type="PrivilegedAccessGroupEligibilityScheduleInstance",
            filters=frozenset({"groupId eq"}),
            expands=frozenset({"principal"}),
            max_top=999,
        ),
        Premium.PIM,
    ),
    Route(
        "GET",
        "/groups/{id}/transitiveMembers/microsoft.graph.user",
        _members,
        READ,
        Query(type="User", max_top=999, cast=True),
    ),
    Route(
        "GET",
        "/users/{id}/transitiveMemberOf/microsoft.graph.group",
        _groups_of_user,
        READ_USERS_GROUPS,
        Query(type="Group", max_top=999, cast=True),
    ),
)
