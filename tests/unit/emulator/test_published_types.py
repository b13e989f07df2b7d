"""Every object that the emulator sends has the properties, enumerations and nulls of the published types."""

import uuid
from typing import Any

import pytest

from microsoft_emulator.app import ROUTES
from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.graph_types import GRAPH_TYPES
from microsoft_emulator.routing import Route
from tests.unit.emulator.microsoft import APP, EXCHANGE, PARTNER, TENANT, Microsoft, microsoft
from tests.unit.emulator.test_partner_relationships import BODY, RELATIONSHIPS, mapping

ADDED = {"organizationId"}
"""Known from tenants, not in the types: the organization of a group that holds a role."""
SIMPLE: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}
ALL_OF_A_USER = (
    "$select=id,displayName,userPrincipalName,mail,accountEnabled,onPremisesSyncEnabled,onPremisesImmutableId,userType"
)
UNLIMITED = {"conditional_access_rate": None}
ELIGIBLE = "PrivilegedAccessGroupEligibilityScheduleInstance"
DIRECTORY = [
    "foreign-group-administrator",
    "service-principal-administrator",
    "group-administrator",
    "guest-administrator",
    "unreadable-administrator",
]


def faults(kind: str, value: Any, where: str) -> list[str]:
    """The parts of a value that its published kind does not allow."""
    name, nullable = kind.removesuffix("?"), kind.endswith("?")
    if value is None:
        return [] if nullable else [f"{where} is null"]
    if name.startswith("[]"):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for item in value for fault in faults(name[2:], item, f"{where}[]")]
    if name in SIMPLE:
        wrong = not isinstance(value, SIMPLE[name]) or (name == "number" and isinstance(value, bool))
        return [f"{where} is no {name}"] if wrong else []
    if name in GRAPH_TYPES.enums:
        return [] if value in GRAPH_TYPES.enums[name] else [f"{where} is {value}, which is no {name}"]
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    return of_object(str(value.get("@odata.type", name)), value, where)


def of_object(type_name: str, value: dict[str, Any], where: str) -> list[str]:
    short = type_name.removeprefix("#microsoft.graph.")
    kinds = GRAPH_TYPES.types[short[0].upper() + short[1:]]
    names = {name for name in value if "@" not in name} - ADDED
    unknown = [f"{where}.{name} is not published" for name in sorted(names - kinds.keys())]
    return [
        *unknown,
        *(fault for name in names & kinds.keys() for fault in faults(kinds[name], value[name], f"{where}.{name}")),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string?", None, []),
        ("string", None, ["x is null"]),
        ("[]string", ["a", 1], ["x[] is no string"]),
        ("number", True, ["x is no number"]),
        ("ConditionalAccessPolicyState", "on", ["x is on, which is no ConditionalAccessPolicyState"]),
        ("UnifiedRole", {"roleDefinitionId": "a", "b": 1}, ["x.b is not published"]),
    ],
)
def test_a_fault_is_found(kind: str, value: Any, expected: list[str]) -> None:
    assert faults(kind, value, "x") == expected


def test_the_types_are_those_of_one_version() -> None:
    assert GRAPH_TYPES.version == "2.43.1"
    assert GRAPH_TYPES.types["UnifiedRoleAssignment"]["principal"] == "DirectoryObject?"
    assert GRAPH_TYPES.enums["DelegatedAdminAccessAssignmentStatus"][:2] == ("pending", "active")


async def filled_in(ms: Microsoft) -> dict[str, str]:
    """Parts of paths, by their name and route: ids that exist."""
    principal = (await ms.graph(f"/servicePrincipals(appId='{APP}')")).json()["id"]
    group = (await ms.listed("/groups"))[0]["id"]
    (user, *_) = await ms.listed("/users")
    resource = (await ms.graph(f"/servicePrincipals(appId='{APP_ROLES.resource_app_id}')")).json()["id"]
    return {
        "app": APP,
        "servicePrincipals": principal,
        "appRoleAssignedTo": resource,
        "groups": group,
        "users": user["id"],
    }


async def relationship(ms: Microsoft) -> dict[str, str]:
    """An active relationship with a mapping and its change."""
    made = (await ms.graph(RELATIONSHIPS, method="POST", tenant=PARTNER, body=BODY)).json()
    path = f"{RELATIONSHIPS}/{made['id']}"
    lock = {"action": "lockForApproval"}
    request = (await ms.graph(f"{path}/requests", method="POST", tenant=PARTNER, body=lock)).json()
    await ms.control(f"relationships/{made['id']}/approve", {"tenant": TENANT}, "POST")
    groups = await ms.listed("/groups?$filter=securityEnabled eq true", PARTNER)
    body = mapping(groups[0]["id"], EXCHANGE)
    first = (await ms.graph(f"{path}/accessAssignments", method="POST", tenant=PARTNER, body=body)).json()
    where = f"{path}/accessAssignments/{first['id']}"
    etag = (await ms.graph(where, tenant=PARTNER)).json()["@odata.etag"]
    change = {"accessDetails": BODY["accessDetails"]}
    sent = await ms.graph(where, method="PATCH", tenant=PARTNER, headers={"If-Match": etag}, body=change)
    operation = sent.headers["location"].rpartition("/")[2]
    return {"id": made["id"], "assignment": first["id"], "operation": operation, "request": request["id"]}


def path_of(route: Route, ids: dict[str, str], parts: dict[str, str]) -> str:
    if route.path.startswith(RELATIONSHIPS):
        return route.path.format(**parts)
    kinds = route.path.split("/")
    return route.path.format(app=ids["app"], id=ids.get(kinds[-1]) or ids.get(kinds[1], ""))


@pytest.mark.parametrize("fixtures", [[], DIRECTORY, [*DIRECTORY, "null-fields"]], ids=["usual", "unusual", "nulls"])
async def test_every_read_sends_published_objects(fixtures: list[str]) -> None:
    faulty: list[str] = []
    async with microsoft() as ms:
        directory = [*fixtures, "eligible-group-member"]
        for tenant in (TENANT, PARTNER):
            await ms.tell(tenant, consented=[APP], granted=list(APP_ROLES.app_roles), directory=directory, **UNLIMITED)
        await ms.consent(TENANT, scopes=["User.Read"])
        ids, parts = await filled_in(ms), await relationship(ms)
        group = str(uuid.uuid5(uuid.UUID(TENANT), "group/Tenant Administrators"))
        for route in (route for route in ROUTES if route.method == "GET"):
            tenant = PARTNER if route.path.startswith(RELATIONSHIPS) else TENANT
            options = ["$count=true"] if route.query.cast else []
            options += ["$expand=principal"] if route.query.expands else []
            options += [ALL_OF_A_USER] if route.query.type == "User" else []
            options += [f"$filter=groupId eq '{group}'"] if route.query.type == ELIGIBLE else []
            path = f"{path_of(route, ids, parts)}?{'&'.join(options)}"
            answer = await ms.graph(path, tenant=tenant, headers={"ConsistencyLevel": "eventual"})
            assert answer.status_code == 200, path
            body = answer.json()
            items = await ms.listed(path, tenant, {"ConsistencyLevel": "eventual"}) if "value" in body else [body]
            assert items, f"{path} sends nothing to compare"
            for item in items:
                faulty += of_object(str(item.get("@odata.type", route.query.type)), item, route.path)

    assert faulty == []
