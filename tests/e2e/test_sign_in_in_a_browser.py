"""A person of the partner signs in at the emulator's page in a real browser, and the application redeems the code."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from playwright.async_api import Page, async_playwright, expect

from microsoft_emulator.tenants import PARTNER_TENANT
from tests.support import browser
from tests.support.caller import CLIENT_ID
from tests.support.system import System
from tests.unit.emulator.browsing import ADMINISTRATOR, CHALLENGE, MEMBER, VERIFIER

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(120),
    pytest.mark.skipif(browser.unusable() is not None, reason=f"no Chromium: {browser.unusable()}"),
]

SCOPE = "openid offline_access User.Read"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(**browser.launch_options())
        yield await chromium.new_page()
        await chromium.close()


class SignIn:
    """An application of the system that sends people to the sign-in page."""

    def __init__(self, system: System) -> None:
        self._place = system.place
        self.login = f"{system.journal['graph']}/{PARTNER_TENANT}/oauth2/v2.0"
        self.back = f"{system.journal['session_api']}/onboarding/consent/callback"

    def url(self, **more: str) -> str:
        query = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "redirect_uri": self.back,
            "scope": SCOPE,
            "state": "a state of the application",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "prompt": "select_account",
        }
        return f"{self.login}/authorize?{urlencode({**query, **more})}"

    async def redeem(self, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "client_secret": self._place.secrets["client_secret"],
            "code": code,
            "redirect_uri": self.back,
            "code_verifier": VERIFIER,
        }
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{self.login}/token", data=form)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def answer_of(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


async def test_a_chosen_person_signs_in_and_the_code_is_redeemed(system: System, page: Page) -> None:
    async with system.caller() as caller:
        await caller.register()
    sign_in = SignIn(system)
    await page.goto(sign_in.url())
    await expect(page.get_by_role("heading")).to_have_text("Sign in")
    await page.get_by_label("Your account").select_option(label=ADMINISTRATOR)
    await page.get_by_role("button", name="Accept").click()
    await page.wait_for_url(f"{sign_in.back}**")
    answer = answer_of(page)
    issued = await sign_in.redeem(answer["code"])

    assert answer["state"] == "a state of the application"
    assert issued["scope"] == "https://graph.microsoft.com/User.Read"
    assert {"access_token", "refresh_token", "id_token"} <= issued.keys()


async def test_a_person_who_may_not_grant_is_told_on_the_page(system: System, page: Page) -> None:
    async with system.caller() as caller:
        await caller.register()
    await page.goto(SignIn(system).url(scope="Directory.Read.All"))
    await page.get_by_label("Your account").select_option(label=MEMBER)
    await page.get_by_role("button", name="Accept").click()

    await expect(page.get_by_text("AADSTS90094")).to_be_visible()


async def test_a_cancelled_sign_in_goes_back_with_its_error(system: System, page: Page) -> None:
    async with system.caller() as caller:
        await caller.register()
    sign_in = SignIn(system)
    await page.goto(sign_in.url())
    await page.get_by_role("button", name="Cancel").click()
    await page.wait_for_url(f"{sign_in.back}**")

    assert answer_of(page)["error"] == "access_denied"
