"""The beta version, limits of single services, latency, and the list of requests that were received."""

import asyncio
import time
from typing import Any

from tests.unit.emulator.microsoft import APP, TENANT, Microsoft, microsoft

POLICIES = "/identity/conditionalAccess/policies"
UNLIMITED: dict[str, Any] = {"page_size": 10, "conditional_access_rate": None}


async def beta(ms: Microsoft, path: str) -> list[dict[str, str]]:
    headers = {"Authorization": f"Bearer {await ms.access()}"}
    answer = await ms.http.get(f"/beta{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


async def test_v1_leaves_out_policies_with_preview_features() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], directory=["preview-policy"], **UNLIMITED)
        stable, preview = await ms.listed(POLICIES), await beta(ms, POLICIES)
        hidden = [policy for policy in preview if policy["id"] not in {known["id"] for known in stable}]
        refused = await ms.graph(f"{POLICIES}/{hidden[0]['id']}")
        known = await ms.graph(f"{POLICIES}/{stable[0]['id']}")

    assert [policy["displayName"] for policy in hidden] == ["Require MFA for risky agents"]
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadRequest")
    assert refused.json()["error"]["message"].startswith("1037: ")
    assert (known.status_code, known.json()["id"]) == (200, stable[0]["id"])


async def test_both_versions_list_the_same_stable_policies() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], **UNLIMITED)
        assert await ms.listed(POLICIES) == await beta(ms, POLICIES)


async def test_an_override_may_be_of_the_beta_version_alone() -> None:
    overrides = {f"/beta{POLICIES}": [], POLICIES: [{"id": "1"}]}
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], overrides=overrides, **UNLIMITED)
        assert (await ms.listed(POLICIES), await beta(ms, POLICIES)) == ([{"id": "1"}], [])


async def test_conditional_access_refuses_a_second_request_without_a_hint() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], conditional_access_rate=20)
        answers = [await ms.graph(POLICIES) for _ in range(2)]
        other = await ms.graph("/organization")
        await asyncio.sleep(0.06)
        later = await ms.graph(POLICIES)

    assert [answer.status_code for answer in (*answers, other, later)] == [200, 429, 200, 200]
    assert "retry-after" not in answers[1].headers


async def test_every_answer_takes_the_latency_of_its_tenant() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], latency_ms=60, latency_jitter_ms=20)
        token = await ms.access()
        began = time.monotonic()
        await ms.graph("/organization", token=token)
        assert 0.04 <= time.monotonic() - began < 1


async def test_the_control_request_shows_what_was_requested() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP])
        await ms.graph("/organization?$select=id")
        shown = await ms.http.get(f"/_control/tenants/{TENANT}")
    assert shown.json()["requested"] == ["GET /v1.0/organization?$select=id"]
