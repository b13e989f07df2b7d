"""``$batch``: what a batch may contain, and that each request in it is answered as if it were alone."""

from typing import Any

import pytest

from tests.unit.emulator.microsoft import APP, PARTNER, TENANT, Microsoft, microsoft

ORGANIZATION = {"id": "1", "method": "GET", "url": "/organization"}


async def batch(ms: Microsoft, *requests: dict[str, Any], tenant: str = TENANT) -> dict[str, dict[str, Any]]:
    answer = await ms.graph("/$batch", method="POST", tenant=tenant, body={"requests": requests})
    assert answer.status_code == 200, answer.text
    return {response["id"]: response for response in answer.json()["responses"]}


async def test_each_request_is_answered_as_if_it_were_alone() -> None:
    counted = {
        "id": "b",
        "method": "GET",
        "url": "users?$count=true&$top=1&$select=id",
        "headers": {"ConsistencyLevel": "eventual"},
    }
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP])
        answers = await batch(ms, ORGANIZATION, counted, {"id": "c", "method": "GET", "url": "/nothing"})
        alone = await ms.graph("/organization")

    assert {name: answer["status"] for name, answer in answers.items()} == {"1": 200, "b": 200, "c": 404}
    assert answers["1"]["body"]["value"] == alone.json()["value"]
    assert answers["b"]["body"]["@odata.count"] > 1
    assert answers["1"]["headers"]["request-id"] != answers["b"]["headers"]["request-id"]


async def test_responses_are_not_in_the_order_of_the_requests() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP])
        answers = await batch(ms, *({**ORGANIZATION, "id": str(number)} for number in range(3)))
    assert list(answers) == ["2", "1", "0"]


async def test_each_request_needs_its_own_permission() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], granted=["Organization.Read.All"])
        answers = await batch(ms, ORGANIZATION, {"id": "2", "method": "GET", "url": "/users"})
    assert (answers["1"]["status"], answers["2"]["status"]) == (200, 403)


async def test_a_next_link_leads_to_a_page_outside_the_batch() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], page_size=1)
        answers = await batch(ms, {"id": "1", "method": "GET", "url": "/users?$select=id"})
        following = await ms.graph(answers["1"]["body"]["@odata.nextLink"].partition("/v1.0")[2])
    assert following.status_code == 200


async def test_a_write_in_a_batch_needs_a_content_type() -> None:
    write = {
        "id": "1",
        "method": "POST",
        "url": "/tenantRelationships/delegatedAdminRelationships",
        "body": {"displayName": "No roles", "duration": "P1D"},
    }
    async with microsoft() as ms:
        await ms.tell(PARTNER, consented=[APP], granted=["DelegatedAdminRelationship.ReadWrite.All"])
        answers = await batch(ms, {**write, "headers": {"Content-Type": "application/json"}}, tenant=PARTNER)
        refused = await ms.graph("/$batch", method="POST", tenant=PARTNER, body={"requests": [write]})
    assert (answers["1"]["status"], answers["1"]["body"]["error"]["code"]) == (400, "Request_BadRequest")
    assert refused.status_code == 400


async def test_a_request_after_a_failed_one_is_not_sent() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP])
        missing = {"id": "1", "method": "GET", "url": "/nothing"}
        answers = await batch(ms, missing, {**ORGANIZATION, "id": "2", "dependsOn": ["1"]})
    assert answers["2"]["status"] == 424


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [{**ORGANIZATION, "id": str(number)} for number in range(21)],
        [ORGANIZATION, ORGANIZATION],
        [{**ORGANIZATION, "id": ""}],
        [{"id": "1", "method": "GET"}],
        [{**ORGANIZATION, "id": 1}],
        [{**ORGANIZATION, "method": "FETCH"}],
        [{**ORGANIZATION, "url": "https://graph.example/v1.0/organization"}],
        [{**ORGANIZATION, "url": "/$batch"}],
        [{**ORGANIZATION, "dependsOn": ["2"]}],
    ],
)
async def test_a_malformed_batch_is_refused_as_a_whole(requests: list[dict[str, Any]]) -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP])
        answer = await ms.graph("/$batch", method="POST", body={"requests": requests})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


async def test_a_batch_is_posted_with_a_token() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP])
        read = await ms.graph("/$batch")
        unknown = await ms.graph("/$batch", method="POST", token="none", body={"requests": [ORGANIZATION]})
    assert (read.status_code, unknown.status_code) == (405, 401)


async def test_a_batch_spends_the_limits_of_its_requests() -> None:
    policies = {"method": "GET", "url": "/identity/conditionalAccess/policies"}
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], conditional_access_rate=1)
        answers = await batch(ms, {**policies, "id": "1"}, {**policies, "id": "2"})
    assert (answers["1"]["status"], answers["2"]["status"]) == (200, 429)
    assert "Retry-After" not in answers["2"]["headers"]
