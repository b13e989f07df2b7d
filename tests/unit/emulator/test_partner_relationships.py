"""The partner's relationships: created, locked, approved, mapped to groups, ended."""

import asyncio
import re
from typing import Any

import httpx2
import pytest

from tests.unit.emulator.microsoft import (
    APP,
    EXCHANGE,
    GLOBAL_ADMINISTRATOR,
    OTHER,
    PARTNER,
    READER,
    TENANT,
    Microsoft,
    microsoft,
)

RELATIONSHIPS = "/tenantRelationships/delegatedAdminRelationships"
PERMISSIONS = ["DelegatedAdminRelationship.ReadWrite.All", "GroupMember.ReadWrite.All"]
BODY: dict[str, Any] = {
    "displayName": "Contoso – managed services",
    "duration": "P730D",
    "customer": None,
    "accessDetails": {"unifiedRoles": [{"roleDefinitionId": EXCHANGE}, {"roleDefinitionId": READER}]},
    "autoExtendDuration": "P180D",
}


class Partner:
    """Requests in the partner's tenant."""

    def __init__(self, ms: Microsoft, token: str) -> None:
        self.ms = ms
        self._token = token

    async def ask(self, method: str, path: str, body: Any = None, etag: str | None = None) -> httpx2.Response:
        headers = {} if etag is None else {"If-Match": etag}
        return await self.ms.graph(
            f"{RELATIONSHIPS}{path}", method=method, token=self._token, headers=headers, body=body
        )

    async def created(self, **changes: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "", {**BODY, **changes})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def of(self, relationship_id: str) -> dict[str, Any]:
        return dict((await self.ask("GET", f"/{relationship_id}")).json())

    async def active(self, tenant: str = TENANT, **changes: Any) -> dict[str, Any]:
        made = await self.created(**changes)
        await self.ask("POST", f"/{made['id']}/requests", {"action": "lockForApproval"})
        await self.ms.control(f"relationships/{made['id']}/approve", {"tenant": tenant}, "POST")
        return await self.of(made["id"])

    async def groups(self) -> dict[str, str]:
        items = await self.ms.listed("/groups?$filter=securityEnabled eq true", PARTNER)
        return {item["displayName"]: item["id"] for item in items}


async def partner(ms: Microsoft, **control: Any) -> Partner:
    await ms.tell(PARTNER, consented=[APP], granted=PERMISSIONS, **control)
    return Partner(ms, await ms.access(PARTNER))


def mapping(group: str, *roles: str) -> dict[str, Any]:
    return {
        "accessContainer": {"accessContainerId": group, "accessContainerType": "securityGroup"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in roles]},
    }


async def test_a_new_relationship_is_an_open_invitation() -> None:
    async with microsoft() as ms:
        made = await (await partner(ms)).created()

    assert (made["status"], made["customer"], made["endDateTime"]) == ("created", None, None)
    assert re.fullmatch(r"[0-9a-f-]{36}-[0-9a-f-]{36}", made["id"])
    assert made["@odata.etag"].startswith('W/"')


async def test_no_half_of_an_id_is_a_tenant() -> None:
    async with microsoft() as ms:
        found = await (await partner(ms)).ask("GET", f"?$filter=customer/tenantId eq '{TENANT}'")

    (relationship,) = found.json()["value"]
    assert relationship["customer"]["tenantId"] == TENANT
    assert TENANT not in (relationship["id"][:36], relationship["id"][37:])


@pytest.mark.parametrize(
    "changes",
    [
        {"displayName": ""},
        {"displayName": "x" * 51},
        {"duration": "P731D"},
        {"duration": "P0D"},
        {"duration": "two years"},
        {"customer": {"tenantId": "contoso"}},
        {"accessDetails": {"unifiedRoles": []}},
        {"accessDetails": {"unifiedRoles": [{"roleDefinitionId": "Exchange Administrator"}]}},
        {"autoExtendDuration": "P90D"},
        {"accessDetails": {"unifiedRoles": [{"roleDefinitionId": GLOBAL_ADMINISTRATOR}]}},
        {"status": "active"},
    ],
)
async def test_a_wrong_relationship_is_refused(changes: dict[str, Any]) -> None:
    async with microsoft() as ms:
        answer = await (await partner(ms)).ask("POST", "", {**BODY, **changes})

    assert answer.status_code == 400


async def test_a_name_is_used_once() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        await side.created()
        answer = await side.ask("POST", "", BODY)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "Conflict")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_change_needs_the_current_etag(method: str) -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created()
        without = await side.ask(method, f"/{made['id']}", {})
        stale = await side.ask(method, f"/{made['id']}", {}, 'W/"old"')

    assert (without.status_code, stale.status_code) == (428, 412)


async def test_a_created_relationship_can_be_changed_and_deleted() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created()
        change = {"displayName": "New name", "customer": {"tenantId": TENANT}}
        changed = (await side.ask("PATCH", f"/{made['id']}", change, made["@odata.etag"])).json()
        deleted = await side.ask("DELETE", f"/{made['id']}", None, changed["@odata.etag"])
        gone = await side.ask("GET", f"/{made['id']}")

    assert (changed["displayName"], changed["customer"]["tenantId"]) == ("New name", TENANT)
    assert changed["@odata.etag"] != made["@odata.etag"]
    assert (deleted.status_code, gone.status_code) == (204, 404)


async def test_an_active_relationship_changes_its_extension_only() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.active()
        refused = await side.ask("PATCH", f"/{made['id']}", {"displayName": "x"}, made["@odata.etag"])
        changed = await side.ask("PATCH", f"/{made['id']}", {"autoExtendDuration": "PT0S"}, made["@odata.etag"])
        deleted = await side.ask("DELETE", f"/{made['id']}", None, changed.json()["@odata.etag"])

    assert (refused.status_code, changed.json()["autoExtendDuration"], deleted.status_code) == (400, "PT0S", 400)


async def test_an_invitation_is_locked_before_it_is_approved() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created()
        early = await ms.control(f"relationships/{made['id']}/approve", {"tenant": TENANT}, "POST")
        locked = await side.ask("POST", f"/{made['id']}/requests", {"action": "lockForApproval"})
        again = await side.ask("POST", f"/{made['id']}/requests", {"action": "lockForApproval"})
        requests = (await side.ask("GET", f"/{made['id']}/requests")).json()["value"]
        status = (await side.of(made["id"]))["status"]

    assert (early.status_code, locked.status_code, again.status_code) == (409, 201, 400)
    assert ([each["action"] for each in requests], status) == (["lockForApproval"], "approvalPending")


async def test_the_approving_tenant_becomes_the_customer() -> None:
    async with microsoft() as ms:
        found = await (await partner(ms)).active(OTHER)

    assert (found["status"], found["customer"]["tenantId"]) == ("active", OTHER)
    assert found["activatedDateTime"] < found["endDateTime"]


async def test_an_invitation_for_a_tenant_is_approved_by_it_only() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created(customer={"tenantId": TENANT})
        await side.ask("POST", f"/{made['id']}/requests", {"action": "lockForApproval"})
        answers = [
            (await ms.control(f"relationships/{made['id']}/approve", {"tenant": tenant}, "POST")).status_code
            for tenant in (OTHER, TENANT)
        ]

    assert answers == [409, 204]


async def test_a_customer_approves_on_the_page() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created()
        early = await ms.http.get(f"/partner/relationships/{made['id']}")
        await side.ask("POST", f"/{made['id']}/requests", {"action": "lockForApproval"})
        page = await ms.http.get(f"/partner/relationships/{made['id']}")
        token = re.findall(r'name="token" value="(\w+)"', page.text)[0]
        form = {"token": token, "tenant": TENANT}
        wrong = await ms.http.post(f"/partner/relationships/{made['id']}", data={**form, "token": "x"})
        await ms.http.post(f"/partner/relationships/{made['id']}", data=form)
        found = await side.of(made["id"])

    assert (early.status_code, wrong.status_code) == (409, 403)
    assert "Exchange Administrator" in page.text
    assert (found["status"], found["customer"]["tenantId"]) == ("active", TENANT)


async def test_an_approved_relationship_is_activated_after_the_delay() -> None:
    async with microsoft() as ms:
        side = await partner(ms, activation_delay_seconds=0.4)
        made, seen = await side.active(), []
        for _ in range(3):
            found = await side.of(made["id"])
            seen.append((found["status"], found["endDateTime"] is not None))
            await asyncio.sleep(0.22)

    assert seen == [("approved", False), ("activating", False), ("active", True)]


async def test_an_active_relationship_is_terminated() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.active()
        ended = await side.ask("POST", f"/{made['id']}/requests", {"action": "terminate"})
        status = (await side.of(made["id"]))["status"]

    assert (ended.status_code, status) == (201, "terminated")


async def test_a_customer_may_have_several_relationships() -> None:
    roles = {"unifiedRoles": [{"roleDefinitionId": GLOBAL_ADMINISTRATOR}]}
    async with microsoft() as ms:
        side = await partner(ms)
        await side.active(displayName="Short", accessDetails=roles, autoExtendDuration="PT0S")
        await side.active(displayName="Long")
        found = await ms.listed(f"{RELATIONSHIPS}?$filter=customer/tenantId eq '{TENANT}'", PARTNER)

    assert sorted(each["displayName"] for each in found) == ["Long", "Managed services", "Short"]


async def test_open_invitations_match_no_customer() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created()
        found = await ms.listed(f"{RELATIONSHIPS}?$filter=customer/tenantId eq '{TENANT}'", PARTNER)

    assert made["id"] not in {each["id"] for each in found}


async def test_a_new_relationship_is_visible_after_the_delay() -> None:
    async with microsoft() as ms:
        side = await partner(ms, visibility_delay_seconds=0.2)
        made = await side.created()
        before = (await side.ask("GET", f"/{made['id']}")).status_code
        await asyncio.sleep(0.25)

        assert (before, (await side.ask("GET", f"/{made['id']}")).status_code) == (404, 200)


async def test_a_customers_tenant_has_no_relationships() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], granted=PERMISSIONS)
        answers = [await ms.graph(RELATIONSHIPS, method=method, body=BODY) for method in ("GET", "POST")]

    assert [answer.status_code for answer in answers] == [403, 403]
