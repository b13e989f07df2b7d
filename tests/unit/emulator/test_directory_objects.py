"""Directories with unusual objects, and tenants without licences."""

from typing import Any

import pytest

from microsoft_emulator.behaviour import Fixture
from tests.unit.emulator.microsoft import APP, GLOBAL_ADMINISTRATOR, PARTNER, TENANT, Microsoft, microsoft

ROLES = "/roleManagement/directory"
OF_ROLE = f"?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'&$expand=principal"
REPORT = "/reports/authenticationMethods/userRegistrationDetails"
ADVANCED = {"ConsistencyLevel": "eventual"}


async def holders(ms: Microsoft, path: str = f"{ROLES}/roleAssignmentScheduleInstances") -> list[Any]:
    """The administrators that a fixture adds to the three usual ones."""
    return (await ms.listed(f"{path}{OF_ROLE}"))[3:]


async def with_objects(ms: Microsoft, *names: str, **control: Any) -> None:
    await ms.tell(TENANT, consented=[APP], directory=list(names), **control)


@pytest.mark.parametrize("path", [f"{ROLES}/roleAssignmentScheduleInstances", f"{ROLES}/roleAssignments"])
async def test_a_group_of_the_partner_may_hold_the_role(path: str) -> None:
    async with microsoft() as ms:
        await with_objects(ms, "foreign-group-administrator")
        (holder,) = await holders(ms, path)
        members = f"/groups/{holder['principalId']}/transitiveMembers/microsoft.graph.user?$count=true"
        statuses = [
            (await ms.graph(where, headers=ADVANCED)).status_code
            for where in (members, f"/groups/{holder['principalId']}")
        ]

    assert holder["principal"]["@odata.type"] == "#microsoft.graph.group"
    assert holder["principal"]["organizationId"] == PARTNER
    assert statuses == [404, 404]


async def test_an_application_may_hold_the_role() -> None:
    async with microsoft() as ms:
        await with_objects(ms, "service-principal-administrator")
        (holder,) = await holders(ms)

    assert holder["principal"]["@odata.type"] == "#microsoft.graph.servicePrincipal"


async def test_a_principal_may_be_unreadable() -> None:
    async with microsoft() as ms:
        await with_objects(ms, "unreadable-administrator")
        (holder,) = await holders(ms)

    assert holder["principal"] is None
    assert len(holder["principalId"]) == 36


async def test_a_holder_may_be_deleted() -> None:
    async with microsoft() as ms:
        await with_objects(ms, "deleted-administrator")
        (holder,) = await holders(ms)

        assert await ms.listed(f"/users?$filter=id in ('{holder['principalId']}')") == []


@pytest.mark.parametrize(
    ("fixture", "expected"),
    [("guest-administrator", ("Guest", True)), ("disabled-administrator", ("Member", False))],
)
async def test_a_holder_may_be_a_guest_or_disabled(fixture: str, expected: tuple[str, bool]) -> None:
    async with microsoft() as ms:
        await with_objects(ms, fixture)
        (holder,) = await holders(ms)
        fields = "$select=id,userType,accountEnabled"
        (user,) = await ms.listed(f"/users?$filter=id in ('{holder['principalId']}')&{fields}")

    assert (user["userType"], user["accountEnabled"]) == expected


async def test_a_group_with_the_role_has_members() -> None:
    async with microsoft() as ms:
        await with_objects(ms, "group-administrator")
        (holder,) = await holders(ms)
        path = f"/groups/{holder['principalId']}/transitiveMembers/microsoft.graph.user?$count=true&$select=displayName"
        members = await ms.listed(path, headers=ADVANCED)

    assert [member["displayName"] for member in members] == ["Grady Archie", "Isaiah Langer"]


async def test_a_group_with_the_role_has_eligible_members() -> None:
    eligible = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"
    async with microsoft() as ms:
        await with_objects(ms, "group-administrator", "eligible-group-member", "eligible-group")
        (administrators,) = await holders(ms)
        group = administrators["principalId"]
        members = await ms.listed(f"{eligible}?$filter=groupId eq '{group}'&$expand=principal")
        unfiltered = await ms.graph(eligible)

    assert [(member["groupId"], member["accessId"]) for member in members] == [(group, "member")] * 2
    kinds = [member["principal"]["@odata.type"] for member in members]
    assert kinds == ["#microsoft.graph.user", "#microsoft.graph.group"]
    assert unfiltered.status_code == 400


async def test_the_report_holds_guests_and_the_sync_account() -> None:
    async with microsoft() as ms:
        await with_objects(ms, "guest-administrator", "disabled-administrator", "sync-account")
        entries = {entry["userDisplayName"]: entry for entry in await ms.listed(f"{REPORT}?$filter=isAdmin eq true")}

    assert entries["Guest Administrator"]["userType"] == "guest"
    unregistered = {name for name, entry in entries.items() if not entry["isMfaRegistered"]}
    assert unregistered == {"Guest Administrator", "On-Premises Directory Synchronization Service Account"}
    assert "Disabled Administrator" not in entries


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/subscribedSkus", "capabilityStatus"),
        ("/identity/conditionalAccess/policies", "grantControls"),
        (f"{REPORT}", "isAdmin"),
        (f"{ROLES}/roleAssignments?$expand=principal", "principal"),
        ("/users?$select=id,accountEnabled", "accountEnabled"),
    ],
)
async def test_one_item_of_a_list_may_be_null_in_all_it_can(path: str, field: str) -> None:
    async with microsoft() as ms:
        await with_objects(ms, "null-fields", conditional_access_rate=None)
        items = await ms.listed(path)

    assert [item[field] is None for item in items] == [*[False] * (len(items) - 1), True]


def test_every_fixture_is_tested_here() -> None:
    assert {fixture.value for fixture in Fixture} - {"preview-policy"} == {
        "foreign-group-administrator",
        "service-principal-administrator",
        "group-administrator",
        "eligible-group-member",
        "eligible-group",
        "unreadable-administrator",
        "deleted-administrator",
        "guest-administrator",
        "disabled-administrator",
        "sync-account",
        "null-fields",
    }


async def test_without_a_licence_there_are_no_policies() -> None:
    async with microsoft() as ms:
        await with_objects(ms, behaviour="unlicensed")
        policies = await ms.listed("/identity/conditionalAccess/policies")
        refused = [(await ms.graph(path)).status_code for path in (REPORT, f"{ROLES}/roleEligibilityScheduleInstances")]

    assert (policies, refused) == ([], [403, 400])


async def test_a_free_tenant_has_the_plans_that_users_took() -> None:
    async with microsoft() as ms:
        await with_objects(ms, behaviour="unlicensed")
        skus = await ms.listed("/subscribedSkus")

    assert [sku["skuPartNumber"] for sku in skus] == ["FLOW_FREE"]


@pytest.mark.parametrize(
    ("status", "units"),
    [
        ("Enabled", {"enabled": 25, "suspended": 0, "warning": 0, "lockedOut": 0}),
        ("Warning", {"enabled": 0, "suspended": 0, "warning": 25, "lockedOut": 0}),
        ("Suspended", {"enabled": 0, "suspended": 25, "warning": 0, "lockedOut": 0}),
        ("LockedOut", {"enabled": 0, "suspended": 0, "warning": 0, "lockedOut": 25}),
        ("Deleted", {"enabled": 0, "suspended": 0, "warning": 0, "lockedOut": 0}),
    ],
)
async def test_the_seats_follow_the_status_of_the_licence(status: str, units: dict[str, int]) -> None:
    async with microsoft() as ms:
        await with_objects(ms, sku_status=status)
        paid = (await ms.listed("/subscribedSkus"))[0]

    assert (paid["capabilityStatus"], paid["prepaidUnits"]) == (status, units)


@pytest.mark.parametrize(
    ("control", "header"),
    [({}, "1"), ({"retry_after": 7}, "7"), ({"without_retry_after": True}, None)],
)
async def test_throttling_may_say_for_how_long(control: dict[str, Any], header: str | None) -> None:
    async with microsoft() as ms:
        await with_objects(ms, behaviour="throttling", **control)
        answer = await ms.graph("/organization")

    assert (answer.status_code, answer.headers.get("retry-after")) == (429, header)
