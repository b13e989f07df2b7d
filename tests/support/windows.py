"""Windows of the web application in a real browser, each with its own person, and what they may do."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect

from onboarding_devstack.identity import PERMISSIONS
from tests.support.system import System

KEY = "onboarding.token"
MOST_TABS = 150
FOCUSED = "element => element === document.activeElement"
REMEMBER = "if (!sessionStorage.getItem({key})) sessionStorage.setItem({key}, {value});"


class Window:
    """A window of a signed-in person. ``hosts`` are all that it has asked."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.hosts: set[str] = set()
        self.faults: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))

    def _note(self, kind: str, text: str) -> None:
        # A request that is refused or cut off is part of some tests; a breach of the policy never is.
        if kind == "error" and "Failed to load resource" not in text and "net::ERR" not in text:
            self.faults.append(text)

    async def open(self, address: str = "customers") -> None:
        """Open a page of the application by its fragment."""
        await self.page.goto(f"{self.url}/app/#/{address}")
        await expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    async def press(self, role: Any, name: str) -> None:
        """Wait until a control can be used, reach it with the Tab key alone, and press Enter."""
        target = self.page.get_by_role(role, name=name, exact=True)
        await expect(target).not_to_have_attribute("aria-disabled", "true", timeout=30_000)
        await self.focus(target)
        await self.page.keyboard.press("Enter")

    async def fill(self, label: str, text: str) -> None:
        """Reach a field with the Tab key alone, and type."""
        await self.focus(self.page.get_by_label(label, exact=True))
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def focus(self, target: Locator) -> None:
        """Press Tab until the control has the focus."""
        await expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if await target.evaluate(FOCUSED):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} cannot be reached with the Tab key")

    async def sees(self, text: str) -> None:
        """Wait until a text is shown."""
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def violations(self) -> list[str]:
        """The violations that axe finds on the page: each with its rule and its elements."""
        results = await Axe().run(self.page)
        return [
            f"{violation['id']}: {[node['html'][:120] for node in violation['nodes'][:3]]}"
            for violation in results.response["violations"]
        ]


@contextlib.asynccontextmanager
async def window(
    browser: Browser,
    system: System,
    *,
    user: int = 7,
    tenants: Iterable[int] | Literal["all"],
    permissions: Iterable[str] = PERMISSIONS,
    width: int = 1280,
    colours: Any = "light",
) -> AsyncIterator[Window]:
    """A window whose person has signed in; at its end it must have asked its own host only, and have no fault."""
    url = system.journal["session_api"]
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=colours, locale="en-GB")
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    named = tenants if isinstance(tenants, str) else list(tenants)
    value = json.dumps({"token": system.place.identity.token(user, named, list(permissions))})
    await context.add_init_script(REMEMBER.format(key=json.dumps(KEY), value=json.dumps(value)))
    try:
        opened = Window(await context.new_page(), url)
        yield opened
        assert opened.hosts <= {urlsplit(url).netloc}
        assert opened.faults == []
    finally:
        await context.close()
