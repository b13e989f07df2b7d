"""Query options: those that a path does not support are errors, and never ignored."""

from collections.abc import Mapping

import pytest

from tests.unit.emulator.microsoft import APP, PARTNER, TENANT, microsoft

ADVANCED = {"ConsistencyLevel": "eventual"}
SKUS = "/subscribedSkus"
ADMINS = "/roleManagement/directory/roleAssignments"
IDS = ",".join(f"'{number:08}-0000-4000-8000-000000000000'" for number in range(16))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/users?$filter=startswith(displayName,'A')", "Request_UnsupportedQuery"),
        ("/users?$filter=jobTitle eq 'Director'", "Request_UnsupportedQuery"),
        ("/users?$filter=accountEnabled eq true or userType eq 'Guest'", "Request_UnsupportedQuery"),
        (f"/users?$filter=id in ({IDS})", "Request_UnsupportedQuery"),
        (f"{SKUS}?$filter=skuPartNumber eq 'SPE_E5'", "Request_BadRequest"),
        (f"{SKUS}?$top=5", "Request_BadRequest"),
        ("/users?$select=id,unknownField", "Request_BadRequest"),
        ("/policies/authorizationPolicy?$select=unknownField", "Request_BadRequest"),
        ("/users?$expand=manager", "Request_BadRequest"),
        (f"{ADMINS}?$expand=principal,roleDefinition", "Request_BadRequest"),
        ("/users?$orderby=displayName", "Request_BadRequest"),
        ('/users?$search="displayName:A"', "Request_BadRequest"),
        ("/users?$top=1000", "Request_BadRequest"),
        ("/users?$top=0", "Request_BadRequest"),
        ("/users?$count=yes", "Request_BadRequest"),
    ],
)
async def test_an_unsupported_option_is_an_error(path: str, code: str) -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        answer = await ms.graph(path, headers=ADVANCED)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_relationships_have_smaller_pages() -> None:
    path = "/tenantRelationships/delegatedAdminRelationships"
    async with microsoft() as ms:
        await ms.tell(PARTNER, consented=[APP], granted=["DelegatedAdminRelationship.Read.All"])
        answers = [await ms.graph(f"{path}?$top={top}", tenant=PARTNER) for top in (300, 301)]

    assert [answer.status_code for answer in answers] == [200, 400]


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?$count=true", ADVANCED, 200),
        ("?$count=true", {}, 400),
        ("", ADVANCED, 400),
        ("?$count=false", ADVANCED, 400),
    ],
)
@pytest.mark.parametrize("kind", ["group", "user"])
async def test_a_cast_needs_header_and_count(kind: str, query: str, headers: Mapping[str, str], status: int) -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        (user, *_), (group, *_) = await ms.listed("/users"), await ms.listed("/groups")
        path = {
            "group": f"/users/{user['id']}/transitiveMemberOf/microsoft.graph.group",
            "user": f"/groups/{group['id']}/transitiveMembers/microsoft.graph.user",
        }[kind]
        answer = await ms.graph(f"{path}{query}", headers=headers)

    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["code"] == "Request_UnsupportedQuery"


async def test_select_applies_to_objects_too() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        answer = await ms.graph(f"/servicePrincipals(appId='{APP}')?$select=id,appId")

    assert set(answer.json()) == {"id", "appId"}


async def test_users_come_with_the_usual_properties_only() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        (user, *_) = (await ms.graph("/users")).json()["value"]

    assert set(user) == {"id", "displayName", "userPrincipalName", "mail"}


@pytest.mark.parametrize(("expand", "sent"), [("", False), ("&$expand=principal", True)])
async def test_a_principal_comes_only_if_expanded(expand: str, sent: bool) -> None:
    query = "?$filter=roleDefinitionId eq '62e90394-69f5-4237-9190-012177145e10'"
    async with microsoft() as ms:
        await ms.consent(TENANT)
        items = await ms.listed(f"{ADMINS}{query}{expand}")

    assert [("principal" in item) for item in items] == [sent] * 3


async def test_a_filter_selects() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        guests = await ms.listed("/users?$filter=userType eq 'Guest'&$select=displayName")
        former = await ms.listed("/users?$filter=accountEnabled eq false and userType eq 'Member'&$select=displayName")

    assert [item["displayName"] for item in (*guests, *former)] == ["Gerda Guest", "Former Employee"]
