"""The token service: registrations, secrets, service principals, and the roles in a token."""

import asyncio
import base64
import json
from typing import Any

import pytest

from microsoft_emulator.behaviour import Control
from microsoft_emulator.tenants import FirstState
from tests.unit.emulator.microsoft import APP, OTHER, PARTNER, SECRET, TENANT, Microsoft, codes, microsoft


def claims(access: str) -> dict[str, Any]:
    payload = access.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "==")))


@pytest.mark.parametrize("tenant", [TENANT, PARTNER])
async def test_no_tenant_has_a_service_principal_at_first(tenant: str) -> None:
    async with microsoft() as ms:
        assert codes(await ms.token(tenant)) == (401, "invalid_client", [7000229])


async def test_an_unregistered_application_is_unknown() -> None:
    async with microsoft() as ms:
        answer = await ms.token(client_id="99999999-aaaa-4bbb-8ccc-222222222222")

    assert codes(answer) == (400, "unauthorized_client", [700016])


async def test_a_single_tenant_application_is_unknown_elsewhere() -> None:
    async with microsoft(single_tenant=True, home_tenant=TENANT) as ms:
        answers = [codes(await ms.token(tenant))[2] for tenant in (OTHER, TENANT)]

    assert answers == [[700016], [7000229]]


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("wrong", (401, "invalid_client", [7000215])),
        (None, (401, "invalid_client", [7000216])),
        ("old", (401, "invalid_client", [7000222])),
    ],
)
async def test_a_secret_must_be_right_and_current(secret: str | None, expected: Any) -> None:
    secrets = [{"value": SECRET}, {"value": "old", "expires_at": "2026-01-01T00:00:00Z"}]
    async with microsoft(secrets=secrets) as ms:
        await ms.consent(TENANT)
        assert codes(await ms.token(client_secret=secret)) == expected


async def test_a_disabled_service_principal_gets_no_token() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT, enabled=False)
        assert codes(await ms.token()) == (400, "unauthorized_client", [7000112])


@pytest.mark.parametrize(("tenant", "number"), [("nowhere.example", 90002), ("nowhere", 900023)])
async def test_an_unknown_tenant_name_is_refused(tenant: str, number: int) -> None:
    async with microsoft() as ms:
        assert codes(await ms.token(tenant)) == (400, "invalid_request", [number])


async def test_a_known_tenant_is_found_by_its_domain() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        answer = await ms.token("contosoaaaaaaaa.onmicrosoft.com")

    assert claims(answer.json()["access_token"])["tid"] == TENANT


@pytest.mark.parametrize(
    ("number", "status", "error"),
    [
        ("7000215", 401, "invalid_client"),
        ("7000229", 401, "invalid_client"),
        ("700027", 401, "invalid_client"),
        ("700016", 400, "unauthorized_client"),
        ("7000112", 400, "unauthorized_client"),
        ("90002", 400, "invalid_request"),
        ("65001", 400, "invalid_grant"),
        ("53003", 400, "invalid_grant"),
    ],
)
async def test_each_number_has_its_status_and_error(number: str, status: int, error: str) -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, token_error=number)
        assert codes(await ms.token()) == (status, error, [int(number)])


async def test_a_token_names_the_granted_roles() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT, granted=["User.Read.All", "Organization.Read.All"])
        token = claims(await ms.access())

    assert token["roles"] == ["Organization.Read.All", "User.Read.All"]


async def test_a_token_without_roles_has_no_roles_claim() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT, granted=[])
        assert "roles" not in claims(await ms.access())


async def test_an_older_token_keeps_its_roles() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT, granted=[])
        old = await ms.access()
        await ms.consent(TENANT)
        answers = [await ms.graph("/organization", token=token) for token in (old, await ms.access())]

    assert [answer.status_code for answer in answers] == [403, 200]


async def visible(ms: Microsoft) -> bool:
    return (await ms.token()).status_code == 200


async def test_a_consent_is_visible_after_the_delay() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, visibility_delay_seconds=0.2)
        await ms.consent(TENANT)
        before = await visible(ms)
        await asyncio.sleep(0.25)

        assert (before, await visible(ms)) == (False, True)


async def test_a_new_permission_is_visible_after_the_delay() -> None:
    async with microsoft() as ms:
        await ms.tell(TENANT, consented=[APP], granted=["Application.Read.All"], visibility_delay_seconds=0.2)
        await ms.consent(TENANT, granted=["User.Read.All"])
        (own,) = await ms.listed(f"/servicePrincipals?$filter=appId eq '{APP}'")
        seen = []
        for pause in (0.0, 0.25):
            await asyncio.sleep(pause)
            read = await ms.listed(f"/servicePrincipals/{own['id']}/appRoleAssignments")
            seen.append((len(read), claims(await ms.access())["roles"]))

    assert seen == [(1, ["Application.Read.All"]), (2, ["Application.Read.All", "User.Read.All"])]


async def test_a_withdrawn_consent_leaves_no_service_principal() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        await ms.control(f"tenants/{TENANT}/consents/{APP}", None, "DELETE")
        assert codes(await ms.token())[2] == [7000229]


async def test_a_reset_returns_to_the_first_state() -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        await ms.control("reset", None, "POST")
        assert codes(await ms.token())[2] == [700016]


async def test_the_first_state_may_hold_a_consent() -> None:
    async with microsoft(FirstState(tenants={TENANT: Control(consented=frozenset({APP}))})) as ms:
        assert "roles" in claims(await ms.access())


@pytest.mark.parametrize(
    "body",
    [
        {"required_app_roles": ["Everything.Read.All"]},
        {"certificates": ["no certificate"]},
        {"home_tenant": "contoso"},
        {"unknown": 1},
    ],
)
async def test_a_wrong_registration_is_refused(body: Any) -> None:
    async with microsoft() as ms:
        assert (await ms.control(f"applications/{APP}", body)).status_code == 400


async def test_a_registration_is_shown_without_its_secrets() -> None:
    async with microsoft() as ms:
        shown = await ms.control(f"applications/{APP}", None, "GET")

    assert shown.json()["secrets"] == 1
    assert SECRET not in shown.text
