"""Consent by a partner over Partner Center: who may give it, and what it grants."""

from typing import Any

import httpx2
import pytest

from tests.unit.emulator.browsing import ADMINISTRATOR, REGISTRATION, code_of, redeemed
from tests.unit.emulator.microsoft import APP, OTHER, PARTNER, TENANT, Microsoft, microsoft

GRAPH = "00000003-0000-0000-c000-000000000000"
SCOPE = "https://api.partnercenter.microsoft.com/user_impersonation"
CONSENTS = f"/v1/customers/{TENANT}/applicationconsents"
BODY: dict[str, Any] = {
    "applicationId": APP,
    "applicationGrants": [{"enterpriseApplicationId": GRAPH, "scope": "Directory.Read.All,User.Read"}],
}


async def token_of(ms: Microsoft, person: str = ADMINISTRATOR, tenant: str = PARTNER) -> str:
    issued = await redeemed(ms, await code_of(ms, person, tenant, scope=SCOPE), tenant, scope=SCOPE)
    return str(issued.json()["access_token"])


async def sent(ms: Microsoft, body: Any = None, *, token: str | None = None, path: str = CONSENTS) -> httpx2.Response:
    bearer = {"Authorization": f"Bearer {token or await token_of(ms)}"}
    return await ms.http.post(path, json=BODY if body is None else body, headers=bearer)


async def with_customer(ms: Microsoft) -> None:
    """A customer that has an active relationship with the partner, and its mappings."""
    await ms.tell(TENANT)


async def test_a_consent_grants_scopes_to_everybody_and_no_roles() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await with_customer(ms)
        answer = await sent(ms)
        again = await sent(ms)
        application = await ms.token(TENANT)

    assert (answer.status_code, answer.json()["applicationId"]) == (201, APP)
    assert (again.status_code, again.json()["description"]) == (409, "Permission entry already exists.")
    assert application.status_code == 200, "the application has a service principal now"


async def test_a_consent_can_be_taken_back() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await with_customer(ms)
        await sent(ms)
        bearer = {"Authorization": f"Bearer {await token_of(ms)}"}
        removed = await ms.http.delete(f"{CONSENTS}/{APP}", headers=bearer)
        unknown = await ms.http.delete(f"{CONSENTS}/{OTHER}", headers=bearer)
        renewed = await sent(ms)

    assert (removed.status_code, unknown.status_code, renewed.status_code) == (204, 404, 201)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({**BODY, "applicationId": OTHER}, 403),
        ({**BODY, "applicationGrants": []}, 400),
        ({**BODY, "applicationGrants": BODY["applicationGrants"] * 2}, 400),
        ({**BODY, "applicationGrants": [{"enterpriseApplicationId": GRAPH, "scope": "Made.Up"}]}, 400),
        ({**BODY, "applicationGrants": [{"enterpriseApplicationId": OTHER, "scope": "User.Read"}]}, 400),
    ],
)
async def test_a_wrong_consent_is_refused(body: dict[str, Any], status: int) -> None:
    async with microsoft(**REGISTRATION) as ms:
        await with_customer(ms)

        assert (await sent(ms, body)).status_code == status


async def test_a_token_of_an_application_or_of_graph_is_refused() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await with_customer(ms)
        await ms.tell(PARTNER, consented=[APP])
        answer = await sent(ms, token=await ms.access(PARTNER))

    assert answer.status_code == 401


async def test_a_customer_without_a_relationship_is_unknown() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await ms.tell(TENANT, relationships=[])

        assert (await sent(ms)).status_code == 404


async def test_a_person_without_a_mapped_role_may_not_consent() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await with_customer(ms)

        assert (await sent(ms, token=await token_of(ms, "Alex Wilber"))).status_code == 403
