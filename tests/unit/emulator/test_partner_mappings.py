"""Access assignments: groups of the partner with roles in a customer's tenant, and the members of groups."""

import asyncio
from typing import Any

import pytest

from tests.unit.emulator.microsoft import EXCHANGE, GLOBAL_ADMINISTRATOR, PARTNER, READER, microsoft
from tests.unit.emulator.test_partner_relationships import mapping, partner

GROUP = "M365 GDAP Exchange Administrator"


async def test_a_group_is_mapped_to_roles_of_the_relationship() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.active()
        group = (await side.groups())[GROUP]
        answer = await side.ask("POST", f"/{made['id']}/accessAssignments", mapping(group, EXCHANGE))
        (found,) = (await side.ask("GET", f"/{made['id']}/accessAssignments")).json()["value"]

    assert (answer.status_code, answer.json()["status"], found["status"]) == (201, "pending", "active")
    assert found["accessContainer"] == {"accessContainerId": group, "accessContainerType": "securityGroup"}


async def test_a_mapping_is_pending_until_the_delay_has_passed() -> None:
    async with microsoft() as ms:
        side = await partner(ms, assignment_delay_seconds=0.3)
        made = await side.active()
        body = mapping((await side.groups())[GROUP], EXCHANGE)
        await side.ask("POST", f"/{made['id']}/accessAssignments", body)
        seen = []
        for pause in (0.0, 0.35):
            await asyncio.sleep(pause)
            (found,) = (await side.ask("GET", f"/{made['id']}/accessAssignments")).json()["value"]
            seen.append(found["status"])

    assert seen == ["pending", "active"]


async def test_a_relationship_that_is_not_active_has_no_mapping() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created()
        body = mapping((await side.groups())[GROUP], EXCHANGE)
        answer = await side.ask("POST", f"/{made['id']}/accessAssignments", body)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("group", "roles"),
    [
        (GROUP, [GLOBAL_ADMINISTRATOR]),
        (GROUP, [EXCHANGE, GLOBAL_ADMINISTRATOR]),
        (GROUP, []),
        ("dddddddd-0000-4000-8000-00000000000d", [EXCHANGE]),
    ],
)
async def test_a_wrong_mapping_is_refused(group: str, roles: list[str]) -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.active()
        body = mapping((await side.groups()).get(group, group), *roles)
        answer = await side.ask("POST", f"/{made['id']}/accessAssignments", body)

    assert answer.status_code == 400


async def test_a_group_is_mapped_once() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.active()
        body = mapping((await side.groups())[GROUP], EXCHANGE)
        answers = [await side.ask("POST", f"/{made['id']}/accessAssignments", body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 409]


async def test_a_change_of_a_mapping_is_an_operation() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.active()
        body = mapping((await side.groups())[GROUP], EXCHANGE)
        first = (await side.ask("POST", f"/{made['id']}/accessAssignments", body)).json()
        path = f"/{made['id']}/accessAssignments/{first['id']}"
        etag = (await side.ask("GET", path)).json()["@odata.etag"]
        both: Any = {"accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in (EXCHANGE, READER)]}}
        changed = await side.ask("PATCH", path, both, etag)
        operation_id = changed.headers["location"].rpartition("/")[2]
        operation = (await side.ask("GET", f"/{made['id']}/operations/{operation_id}")).json()
        now = (await side.ask("GET", path)).json()
        same = await side.ask("PATCH", path, both, now["@odata.etag"])

    assert (changed.status_code, same.status_code, operation["status"]) == (202, 200, "succeeded")
    assert operation["operationType"] == "delegatedAdminAccessAssignmentUpdate"
    assert len(now["accessDetails"]["unifiedRoles"]) == 2


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_changed_mapping_needs_the_current_etag(method: str) -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.active()
        body = mapping((await side.groups())[GROUP], EXCHANGE)
        first = (await side.ask("POST", f"/{made['id']}/accessAssignments", body)).json()
        path = f"/{made['id']}/accessAssignments/{first['id']}"
        statuses = [(await side.ask(method, path, {}, etag)).status_code for etag in (None, 'W/"old"')]

    assert statuses == [428, 412]


async def test_a_deleted_mapping_is_gone_and_may_be_made_again() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.active()
        body = mapping((await side.groups())[GROUP], EXCHANGE)
        first = (await side.ask("POST", f"/{made['id']}/accessAssignments", body)).json()
        path = f"/{made['id']}/accessAssignments/{first['id']}"
        etag = (await side.ask("GET", path)).json()["@odata.etag"]
        deleted = await side.ask("DELETE", path, None, etag)
        gone = await side.ask("GET", path)
        again = await side.ask("POST", f"/{made['id']}/accessAssignments", body)

    assert (deleted.status_code, gone.status_code, again.status_code) == (204, 404, 201)


async def test_a_member_is_added_to_a_group_once() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        group = (await side.groups())[GROUP]
        all_employees = next(one for one in await ms.listed("/groups", PARTNER) if not one["securityEnabled"])
        people = await ms.listed(f"/groups/{all_employees['id']}/members?$select=id", PARTNER)
        (first,) = await ms.listed(f"/groups/{group}/members?$select=id", PARTNER)
        new = next(one["id"] for one in people if one["id"] != first["id"])
        body = {"@odata.id": f"https://graph.example/v1.0/directoryObjects/{new}"}
        path = f"/groups/{group}/members/$ref"
        statuses = [
            (await ms.graph(path, method="POST", tenant=PARTNER, body=sent)).status_code
            for sent in (body, body, {}, {"@odata.id": "https://graph.example/v1.0/directoryObjects/nobody"})
        ]
        members = await ms.listed(f"/groups/{group}/members?$select=id", PARTNER)

    assert statuses == [204, 400, 400, 404]
    assert {member["id"] for member in members} == {first["id"], new}


async def test_a_group_is_found_by_its_id() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        found = await ms.graph(f"/groups/{(await side.groups())[GROUP]}", tenant=PARTNER)
        unknown = await ms.graph("/groups/dddddddd-0000-4000-8000-00000000000d", tenant=PARTNER)

    assert (found.json()["displayName"], unknown.status_code) == (GROUP, 404)
