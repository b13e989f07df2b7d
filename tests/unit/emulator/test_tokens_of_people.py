"""Tokens of people: codes and refresh tokens, and what each is refused for."""

import asyncio
from typing import Any

import pytest

from tests.unit.emulator.browsing import (
    ADMINISTRATOR,
    BACK,
    MEMBER,
    REGISTRATION,
    claims_of,
    code_of,
    redeemed,
    refreshed,
    tokens_of,
)
from tests.unit.emulator.microsoft import APP, OTHER, TENANT, codes, microsoft

GRAPH = "https://graph.microsoft.com"
PARTNER_CENTER = "https://api.partnercenter.microsoft.com"


async def test_a_code_becomes_tokens_of_the_person() -> None:
    async with microsoft(**REGISTRATION) as ms:
        issued = await tokens_of(ms)

    access, identity = claims_of(issued["access_token"]), claims_of(issued["id_token"])
    assert (issued["token_type"], issued["scope"]) == ("Bearer", f"{GRAPH}/User.Read")
    assert (access["tid"], access["appid"], access["aud"], access["scp"]) == (TENANT, APP, GRAPH, "User.Read")
    assert "roles" not in access
    assert (identity["aud"], identity["nonce"], identity["name"]) == (APP, "a nonce", MEMBER)
    assert identity["oid"] == access["oid"]


async def test_only_what_is_asked_for_is_issued() -> None:
    async with microsoft(**REGISTRATION) as ms:
        issued = await tokens_of(ms, scope="User.Read")

    assert issued.keys() == {"token_type", "scope", "expires_in", "ext_expires_in", "access_token"}


async def test_a_code_is_redeemed_once() -> None:
    async with microsoft(**REGISTRATION) as ms:
        code = await code_of(ms)
        answers = [await redeemed(ms, code) for _ in range(2)]

    assert answers[0].status_code == 200
    assert codes(answers[1]) == (400, "invalid_grant", [54005])


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"code": "1.unknown"}, (400, "invalid_grant", [70000])),
        ({"code": None}, (400, "invalid_request", [900144])),
        ({"redirect_uri": f"{BACK}/"}, (400, "invalid_grant", [500112])),
        ({"redirect_uri": None}, (400, "invalid_request", [900144])),
        ({"code_verifier": "w" * 43}, (400, "invalid_grant", [501481])),
        ({"code_verifier": None}, (400, "invalid_request", [900144])),
        ({"client_secret": None}, (401, "invalid_client", [7000218])),
        ({"client_secret": "another"}, (401, "invalid_client", [7000215])),
        ({"scope": f"{GRAPH}/Directory.Read.All"}, (400, "invalid_scope", [70011])),
        ({"scope": "openid"}, (400, "invalid_scope", [28003])),
    ],
)
async def test_a_wrong_redemption_is_refused(form: dict[str, str | None], expected: tuple[int, str, Any]) -> None:
    async with microsoft(**REGISTRATION) as ms:
        code = await code_of(ms)
        refused = await redeemed(ms, code, **form)
        later = await redeemed(ms, code)

    assert codes(refused) == expected
    assert later.status_code == 200


async def test_a_code_of_another_tenant_or_application_is_refused() -> None:
    async with microsoft(**REGISTRATION) as ms:
        code = await code_of(ms)
        elsewhere = await redeemed(ms, code, OTHER)
        registration = {**REGISTRATION, "secrets": [{"value": "theirs"}]}
        await ms.control(f"applications/{OTHER}", registration)
        stolen = await redeemed(ms, code, client_id=OTHER, client_secret="theirs")

    assert (codes(elsewhere)[2], codes(stolen)[2]) == ([700005], [70000])


async def test_a_code_ends_with_its_time() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await ms.tell(TENANT, code_lifetime=0)
        answer = await redeemed(ms, await code_of(ms))

    assert codes(answer) == (400, "invalid_grant", [70008])


async def test_one_token_is_for_one_resource() -> None:
    both = f"User.Read {PARTNER_CENTER}/user_impersonation"
    async with microsoft(**REGISTRATION) as ms:
        code = await code_of(ms, ADMINISTRATOR, scope=both)
        refused = await redeemed(ms, code)
        issued = await redeemed(ms, code, scope=f"{PARTNER_CENTER}/user_impersonation")
        graph = await ms.graph("/users", token=issued.json()["access_token"])

    assert codes(refused) == (400, "invalid_scope", [28000])
    assert issued.json()["scope"] == f"{PARTNER_CENTER}/user_impersonation"
    assert graph.status_code == 401


async def test_a_public_application_sends_no_credential() -> None:
    async with microsoft(**REGISTRATION, secrets=[]) as ms:
        code = await code_of(ms)
        refused = await redeemed(ms, code)
        accepted = await redeemed(ms, code, client_secret=None)

    assert (codes(refused), accepted.status_code) == ((401, "invalid_client", [700025]), 200)


async def test_each_use_of_a_refresh_token_returns_another() -> None:
    async with microsoft(**REGISTRATION) as ms:
        first = (await tokens_of(ms))["refresh_token"]
        second = (await refreshed(ms, first)).json()["refresh_token"]
        again = [await refreshed(ms, token) for token in (first, second)]

    assert first != second
    assert [answer.status_code for answer in again] == [200, 200], "the old one is not revoked"


async def test_a_refresh_token_serves_every_consented_resource() -> None:
    both = f"offline_access User.Read {PARTNER_CENTER}/user_impersonation"
    async with microsoft(**REGISTRATION) as ms:
        code = await code_of(ms, ADMINISTRATOR, scope=both)
        issued = (await redeemed(ms, code, scope="offline_access User.Read")).json()
        other = await refreshed(ms, issued["refresh_token"], scope=f"{PARTNER_CENTER}/.default")

    assert claims_of(other.json()["access_token"])["aud"] == PARTNER_CENTER


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"refresh_token": "1.unknown"}, (400, "invalid_grant", [70000])),
        ({"refresh_token": None}, (400, "invalid_request", [900144])),
        ({"client_secret": None}, (401, "invalid_client", [7000218])),
        ({"client_secret": "another"}, (401, "invalid_client", [7000215])),
        ({"scope": f"{GRAPH}/Directory.Read.All"}, (400, "invalid_grant", [65001])),
        ({"scope": f"{GRAPH}/Planets.Read"}, (400, "invalid_client", [650053])),
    ],
)
async def test_a_wrong_refresh_is_refused(form: dict[str, str | None], expected: tuple[int, str, Any]) -> None:
    async with microsoft(**REGISTRATION) as ms:
        refresh_token = (await tokens_of(ms))["refresh_token"]
        answer = await refreshed(ms, refresh_token, **form)

    assert codes(answer) == expected


async def test_a_refresh_token_ends_with_its_time() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await ms.tell(TENANT, refresh_token_lifetime=0.05)
        refresh_token = (await tokens_of(ms))["refresh_token"]
        await asyncio.sleep(0.06)
        answer = await refreshed(ms, refresh_token)

    assert codes(answer) == (400, "invalid_grant", [700082])


async def test_revoked_sign_ins_end_old_tokens_only() -> None:
    async with microsoft(**REGISTRATION) as ms:
        issued = await tokens_of(ms)
        user = claims_of(issued["access_token"])["oid"]
        await ms.control(f"tenants/{TENANT}/users/{user}/revoke", None, "POST")
        revoked = await refreshed(ms, issued["refresh_token"])
        renewed = await refreshed(ms, (await tokens_of(ms))["refresh_token"])

    assert (codes(revoked), renewed.status_code) == ((400, "invalid_grant", [50173]), 200)


async def test_withdrawn_consent_ends_a_refresh_token() -> None:
    async with microsoft(**REGISTRATION) as ms:
        refresh_token = (await tokens_of(ms))["refresh_token"]
        await ms.control(f"tenants/{TENANT}/consents/{APP}", None, "DELETE")
        answer = await refreshed(ms, refresh_token)

    assert codes(answer) == (400, "invalid_grant", [65001])
