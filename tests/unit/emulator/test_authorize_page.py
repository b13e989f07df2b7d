"""The sign-in page: what it shows, whom it refuses, and where it leads."""

import html
import re

import pytest

from tests.unit.emulator.browsing import (
    ADMINISTRATOR,
    BACK,
    CHALLENGE,
    MEMBER,
    QUERY,
    REGISTRATION,
    led_to,
    opened,
    pressed,
)
from tests.unit.emulator.microsoft import OTHER, TENANT, microsoft


async def test_the_page_names_tenant_people_and_permissions() -> None:
    async with microsoft(**REGISTRATION) as ms:
        page = await opened(ms)

    assert page.status_code == 200
    for text in (TENANT, ADMINISTRATOR, MEMBER, "User.Read (https://graph.microsoft.com)", "offline_access"):
        assert text in html.unescape(page.text)
    assert "<script" not in page.text


async def test_accept_leads_back_with_a_code_and_the_state() -> None:
    async with microsoft(**REGISTRATION) as ms:
        where, answer = led_to(await pressed(ms, await opened(ms), "accept"))

    assert (where, answer.keys(), answer["state"]) == (BACK, {"code", "state"}, QUERY["state"])


async def test_a_code_may_come_back_in_the_fragment() -> None:
    async with microsoft(**REGISTRATION) as ms:
        answer = await pressed(ms, await opened(ms, response_mode="fragment"), "accept")

    assert answer.headers["location"].startswith(f"{BACK}#code=")


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account"])
async def test_each_prompt_shows_the_page(prompt: str) -> None:
    async with microsoft(**REGISTRATION) as ms:
        assert "<form" in (await opened(ms, prompt=prompt)).text


async def test_a_hint_chooses_the_account() -> None:
    async with microsoft(**REGISTRATION) as ms:
        account = re.findall(rf'<option value="([^"]+)">{MEMBER}', (await opened(ms)).text)[0]
        page = await opened(ms, login_hint=account)

    assert f'<option value="{account}" selected>' in page.text


async def test_cancel_leads_back_with_an_error_and_grants_nothing() -> None:
    async with microsoft(**REGISTRATION) as ms:
        where, answer = led_to(await pressed(ms, await opened(ms), "cancel"))

    assert where == BACK
    assert answer.pop("error_description").startswith("AADSTS65004: ")
    assert answer == {"error": "access_denied", "state": QUERY["state"]}


@pytest.mark.parametrize(
    ("tenant", "query", "number"),
    [
        ("nowhere.example", {}, "90002"),
        ("common", {}, "90002"),
        (TENANT, {"client_id": None}, "900144"),
        (TENANT, {"client_id": OTHER}, "700016"),
        (TENANT, {"redirect_uri": None}, "900144"),
        (TENANT, {"redirect_uri": f"{BACK}/"}, "50011"),
        (TENANT, {"redirect_uri": "https://elsewhere.example"}, "50011"),
    ],
)
async def test_no_redirect_leads_to_an_unknown_address(tenant: str, query: dict[str, str | None], number: str) -> None:
    async with microsoft(**REGISTRATION) as ms:
        page = await opened(ms, tenant, **query)

    assert (page.status_code, "location" in page.headers) == (400, False)
    assert f"AADSTS{number}: " in page.text
    assert "<form" not in page.text


@pytest.mark.parametrize(
    ("query", "error", "number"),
    [
        ({"response_type": None}, "invalid_request", "900144"),
        ({"response_type": "token"}, "unsupported_response_type", "70005"),
        ({"response_type": "code id_token"}, "unsupported_response_type", "70005"),
        ({"response_mode": "form_post"}, "invalid_request", "70007"),
        ({"scope": None}, "invalid_request", "900144"),
        ({"scope": "Planets.Read"}, "invalid_client", "650053"),
        ({"scope": "https://graph.microsoft.com/.default User.Read"}, "invalid_scope", "70011"),
        ({"code_challenge": None}, "invalid_request", "501491"),
        ({"code_challenge": CHALLENGE[1:]}, "invalid_request", "501491"),
        ({"code_challenge_method": None}, "invalid_request", "501491"),
        ({"code_challenge_method": "plain"}, "invalid_request", "501491"),
        ({"prompt": "please"}, "invalid_request", "90023"),
        ({"prompt": "none"}, "login_required", "50058"),
    ],
)
async def test_a_wrong_request_is_sent_back(query: dict[str, str | None], error: str, number: str) -> None:
    async with microsoft(**REGISTRATION) as ms:
        where, answer = led_to(await opened(ms, **query))

    assert (where, answer["error"], answer["state"]) == (BACK, error, QUERY["state"])
    assert answer["error_description"].startswith(f"AADSTS{number}: ")


async def test_only_an_administrator_grants_more_than_user_read() -> None:
    async with microsoft(**REGISTRATION) as ms:
        page = await opened(ms, scope="Directory.Read.All")
        refused = await pressed(ms, page, "accept", MEMBER)
        accepted = await pressed(ms, page, "accept", ADMINISTRATOR)

    assert (refused.status_code, accepted.status_code) == (400, 302)
    assert "AADSTS90094: " in refused.text


async def test_what_an_administrator_granted_for_all_is_not_asked_again() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await ms.consent(TENANT, scopes=["Directory.Read.All"])
        answer = await pressed(ms, await opened(ms, scope="Directory.Read.All"), "accept", MEMBER)

    assert answer.status_code == 302


async def test_a_disabled_account_cannot_sign_in() -> None:
    async with microsoft(**REGISTRATION) as ms:
        page = await pressed(ms, await opened(ms), "accept", "Former Employee")

    assert (page.status_code, "AADSTS50057: " in page.text) == (400, True)


async def test_a_form_of_another_request_is_refused() -> None:
    async with microsoft(**REGISTRATION) as ms:
        token = re.findall(r'name="token" value="(\w+)"', (await opened(ms)).text)[0]
        url = str((await opened(ms, state="another")).request.url)
        answer = await ms.http.post(url, data={"token": token, "decision": "accept"})

    assert answer.status_code == 403
