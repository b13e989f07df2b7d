"""Requests for a relationship: to lock it for approval and to end it, and the end of what nobody approves."""

import asyncio
from typing import Any

import pytest

from tests.unit.emulator.microsoft import PARTNER, TENANT, microsoft
from tests.unit.emulator.test_partner_relationships import RELATIONSHIPS, partner

OTHER_ACTIONS = ("terminate", "approve", "reject")


@pytest.mark.parametrize(
    "body",
    [
        {"action": "approve"},
        {"action": "reject"},
        {"action": "terminate"},
        {"action": "unknownFutureValue"},
        {"action": "LockForApproval"},
        {"action": None},
        {"action": "lockForApproval", "status": "succeeded"},
        {},
        [],
    ],
)
async def test_no_other_request_is_possible(body: Any) -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created()
        answer = await side.ask("POST", f"/{made['id']}/requests", body)

        assert (answer.status_code, (await side.of(made["id"]))["status"]) == (400, "created")


async def test_an_approval_pending_relationship_is_not_terminated() -> None:
    async with microsoft() as ms:
        side = await partner(ms)
        made = await side.created()
        await side.ask("POST", f"/{made['id']}/requests", {"action": "lockForApproval"})
        answers = [await side.ask("POST", f"/{made['id']}/requests", {"action": action}) for action in OTHER_ACTIONS]

    assert [answer.status_code for answer in answers] == [400, 400, 400]


async def test_a_request_is_created_and_succeeds_later() -> None:
    async with microsoft() as ms:
        side = await partner(ms, activation_delay_seconds=0.4)
        made = await side.created()
        request = (await side.ask("POST", f"/{made['id']}/requests", {"action": "lockForApproval"})).json()
        seen = [request["status"]]
        for _ in range(2):
            await asyncio.sleep(0.22)
            seen.append((await side.ask("GET", f"/{made['id']}/requests/{request['id']}")).json()["status"])

    assert seen == ["created", "pending", "succeeded"]


async def test_an_invitation_expires_if_it_is_not_approved() -> None:
    async with microsoft() as ms:
        side = await partner(ms, approval_seconds=0.2)
        made = await side.created()
        await side.ask("POST", f"/{made['id']}/requests", {"action": "lockForApproval"})
        before = (await side.of(made["id"]))["status"]
        await asyncio.sleep(0.25)
        after = (await side.of(made["id"]))["status"]
        late = await ms.control(f"relationships/{made['id']}/approve", {"tenant": TENANT}, "POST")
        page = await ms.http.get(f"/partner/relationships/{made['id']}")

    assert (before, after) == ("approvalPending", "expired")
    assert (late.status_code, page.status_code) == (409, 409)


@pytest.mark.parametrize(("days", "status"), [(89.9, "approvalPending"), (90.1, "expired")])
async def test_an_old_invitation_expires_after_ninety_days(days: float, status: str) -> None:
    invitation = {"status": "approvalPending", "created_days_ago": days}
    async with microsoft() as ms:
        await ms.tell(TENANT, relationships=[invitation])
        await partner(ms)
        (known,) = await ms.listed(f"{RELATIONSHIPS}?$filter=customer/tenantId eq '{TENANT}'", PARTNER)

    assert known["status"] == status
