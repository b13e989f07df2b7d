"""A customer's administrator opens the consent link in a real browser, and the product finds out what they did."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Response, expect

from microsoft_emulator.app_roles import APP_ROLES
from tests.support import browser
from tests.support.caller import Caller
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(browser.unusable() is not None, reason=f"no Chromium: {browser.unusable()}"),
]

CALLBACK = "/onboarding/consent/callback"
OTHER_ORGANISATION = "0a5b7c9d-0000-4000-8000-00000000000b"


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A window of an administrator who has no login anywhere in the product."""
    context = await chromium.new_context()
    try:
        yield await context.new_page()
    finally:
        await context.close()


class Technician:
    """A technician with a new customer, a session and a consent link for it."""

    def __init__(self, caller: Caller, request: dict[str, Any]) -> None:
        self.caller = caller
        self.request = request
        self.url = str(request["url"])

    @classmethod
    async def with_link(cls, caller: Caller) -> "Technician":
        await caller.connect(consented=[])
        opened = await caller.post("/session")
        assert opened.status_code == 201, opened.text
        answer = await caller.post("/consent-requests")
        assert (answer.status_code, answer.json()["state"]) == (201, "open")
        return cls(caller, answer.json())

    @property
    def secret(self) -> str:
        """The state in the link."""
        return parse_qs(urlsplit(self.url).query)["state"][0]

    async def state(self) -> str:
        """The state of the request."""
        return str((await self.caller.get(f"/consent-requests/{self.request['id']}")).json()["state"])

    async def verdict(self) -> str:
        """The state of the session's task that checks the consent."""
        tasks = (await self.caller.get("/tasks")).json()
        (status,) = [task["status"] for task in tasks if task["task_type"] == "app.consent"]
        return str(status)

    async def runs(self) -> list[int]:
        """The ids of all runs of the check."""
        return [run["id"] for run in (await self.caller.get("/runs?taskType=app.consent")).json()]


async def press(page: Page, button: str) -> None:
    """Press a button of the consent page and wait until the browser is back at the product."""
    await page.get_by_role("button", name=button, exact=True).click()
    await page.wait_for_url(f"**{CALLBACK}?**")


async def sees(page: Page, heading: str, text: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    await expect(page.get_by_role("paragraph")).to_contain_text(text)


def status_of(answer: Response | None) -> int:
    assert answer is not None
    return answer.status


async def test_an_accepted_consent_is_ok_within_ten_seconds(system: System, page: Page) -> None:
    async with system.caller() as caller:
        customer = await Technician.with_link(caller)
        await page.goto(customer.url)
        await expect(page.get_by_role("heading")).to_have_text("Permissions requested")
        await expect(page.get_by_text(caller.external_tenant)).to_be_visible()
        await expect(page.get_by_role("listitem")).to_have_count(len(APP_ROLES.required_by_default))
        await press(page, "Accept")
        await sees(page, "Thank you", "The answer was received and is being checked.")

        await eventually(customer.verdict, equals="ok", seconds=10)
        await eventually(customer.state, equals="verified")


async def test_a_waiting_check_is_woken_by_the_browser(system: System, page: Page) -> None:
    async with system.caller() as caller:
        customer = await Technician.with_link(caller)
        waiting = await caller.start("app.consent")
        await eventually(lambda: caller.state(waiting), equals="waiting")
        await page.goto(customer.url)
        await press(page, "Accept")
        run = await caller.ended(waiting, seconds=10)

        assert run["result"]["reason_code"] == "CONSENT_OK"
        assert await customer.runs() == [waiting]


async def test_a_cancelled_consent_is_declined_and_can_be_accepted_later(system: System, page: Page) -> None:
    async with system.caller() as caller:
        customer = await Technician.with_link(caller)
        await page.goto(customer.url)
        await press(page, "Cancel")
        await sees(page, "The consent was not given", "Nothing was changed.")
        declined, runs = await customer.state(), await customer.runs()
        await page.goto(customer.url)
        await press(page, "Accept")

        assert (declined, runs) == ("declined", [])
        await eventually(customer.state, equals="verified")


async def test_an_administrator_of_another_tenant_is_told(system: System, page: Page) -> None:
    async with system.caller() as caller:
        customer = await Technician.with_link(caller)
        await page.goto(customer.url.replace(f"/{caller.external_tenant}/", "/organizations/"))
        await page.get_by_label("Your tenant").fill(OTHER_ORGANISATION)
        await press(page, "Accept")
        await sees(page, "This was another organisation", "sign in as an administrator of the right one")

        assert OTHER_ORGANISATION not in await page.inner_text("body")
        assert (await customer.state(), await customer.runs()) == ("wrong_tenant", [])


async def test_an_expired_link_is_told_and_starts_nothing(system: System, page: Page) -> None:
    async with system.caller() as caller:
        customer = await Technician.with_link(caller)
        past = "UPDATE consent_requests SET created_at = now() - interval '2 days', expires_at = now() WHERE id = $1"
        await system.rows("session_api", past, customer.request["id"])
        await page.goto(customer.url)
        await press(page, "Accept")
        await sees(page, "This link has expired", "Please ask whoever sent it for a new one.")

        assert (await customer.state(), await customer.runs()) == ("expired", [])


async def test_a_replayed_callback_shows_the_same_and_does_nothing(system: System, page: Page) -> None:
    async with system.caller() as caller:
        customer = await Technician.with_link(caller)
        await page.goto(customer.url)
        await press(page, "Accept")
        await eventually(customer.state, equals="verified")
        runs = await customer.runs()
        replayed = await page.goto(page.url)
        await sees(page, "Thank you", "You can close this page.")

        assert status_of(replayed) == 200
        assert (await customer.state(), await customer.runs()) == ("verified", runs)


@pytest.mark.parametrize("spoil", ["", "forged", "longer"])
async def test_a_forged_state_is_unknown(system: System, page: Page, spoil: str) -> None:
    async with system.caller() as caller:
        customer = await Technician.with_link(caller)
        secret = {"": "", "forged": "A" * 43, "longer": customer.secret + "x"}[spoil]
        query = {"admin_consent": "True", "tenant": caller.external_tenant, "state": secret}
        answer = await page.goto(f"{caller.url}{CALLBACK}?{urlencode(query)}")
        await sees(page, "This link is not known", "ask for a new one")

        assert status_of(answer) == 400
        assert (await customer.state(), await customer.runs()) == ("open", [])


async def test_the_page_runs_no_script_and_keeps_nothing(system: System, page: Page) -> None:
    async with system.caller() as caller:
        customer = await Technician.with_link(caller)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        text = "<script>document.title='taken'</script>"
        query = {"error": "consent_required", "error_description": text, "state": customer.secret}
        await page.goto(f"{caller.url}{CALLBACK}?{urlencode(query)}")
        await sees(page, "The consent was not given", "Nothing was changed.")

        assert await page.title() == "The consent was not given"
        assert {path for path in asked if path != "/favicon.ico"} == {CALLBACK}
        assert await page.context.cookies() == []
