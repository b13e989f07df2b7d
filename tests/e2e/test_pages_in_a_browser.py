"""The API page and the report in a real browser: complete, from one host, and within their policies."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.support import browser
from tests.support.system import System

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(browser.unusable() is not None, reason=f"no Chromium: {browser.unusable()}"),
]


class Window:
    """A page, the hosts it asked, and what it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@pytest_asyncio.fixture(loop_scope="module")
async def window(chromium: Browser) -> AsyncIterator[Window]:
    context = await chromium.new_context()
    try:
        yield Window(await context.new_page())
    finally:
        await context.close()


@pytest.mark.parametrize(
    ("service", "title"), [("session_api", "Managed Tenant Onboarding"), ("evidence_store", "Evidence store")]
)
async def test_the_api_page_is_whole_and_asks_no_other_host(
    system: System, window: Window, service: str, title: str
) -> None:
    url = system.journal[service]
    await window.page.goto(f"{url}/docs")
    await expect(window.page.get_by_role("heading", name=title).first).to_be_visible(timeout=30_000)
    await expect(window.page.get_by_text("evidence", exact=True).first).to_be_attached(timeout=30_000)
    await window.page.wait_for_timeout(2_000)  # what would ask another host does so after the page is shown

    assert window.hosts == {urlsplit(url).netloc}
    assert window.errors == []


async def test_the_report_prints_as_one_page_with_its_styles(system: System, window: Window) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy")
        session = (await caller.post("/session")).json()["id"]
        run = await caller.start("license.inventory")
        await caller.evidence(run)
    await window.page.context.set_extra_http_headers({"Authorization": f"Bearer {caller.token}"})
    await window.page.goto(f"{caller.url}{caller.path(f'/session/{session}/report')}?format=html")

    await expect(window.page.get_by_role("heading", name="Customer")).to_be_visible()
    await expect(window.page.get_by_role("img")).to_be_visible()
    padding = "getComputedStyle(document.querySelector('article')).padding"
    assert await window.page.evaluate(padding) == "12px 16px"
    assert window.hosts == {urlsplit(caller.url).netloc}
    assert window.errors == []
