"""Every page of the web application is accessible: axe finds no violation, light and dark, on a phone and a desk."""

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from onboarding_devstack.identity import PERMISSIONS
from tests.support import browser
from tests.support.caller import Caller
from tests.support.system import System
from tests.support.waiting import eventually
from tests.support.windows import Window, window

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(browser.unusable() is not None, reason=f"no Chromium: {browser.unusable()}"),
]


class Customer:
    """A customer in step 3 who has not consented: one check has failed, one waits."""

    def __init__(self, caller: Caller, session: int, ended: int, evidence: int, waiting: int) -> None:
        self.tenant = caller.tenant
        self.session, self.ended, self.evidence, self.waiting = session, ended, evidence, waiting


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def customer(system: System) -> Customer:
    async with system.caller() as caller:
        await caller.connect()
        session = (await caller.post("/session")).json()["id"]
        await caller.ended(await caller.start("example.domains"))
        for step in (2, 3):
            answer = await caller.patch(f"/session/{session}", json={"current_step": step})
            assert answer.status_code == 200, answer.text
        await caller.behave("healthy", consented=[])
        ended = await caller.start("graph.connectivity")
        evidence = (await caller.evidence(ended))["id"]
        waiting = await caller.start("app.consent")
        await eventually(lambda: caller.state(waiting), equals="waiting")
        await caller.post("/consent-requests")
        return Customer(caller, session, ended, evidence, waiting)


def pages_of(customer: Customer) -> dict[str, str]:
    """The address of each page, and what it shows when it is complete."""
    here = f"customers/{customer.tenant}"
    return {
        "customers": "Start an onboarding",
        here: "not opened yet",
        f"{here}/runs/{customer.waiting}": "Next attempt at",
        f"{here}/runs/{customer.ended}": "requests are in",
        f"{here}/evidence": "Seal",
        f"{here}/evidence/{customer.evidence}": "This is the first item of its task.",
        f"{here}/report/{customer.session}": "Report of",
        f"{here}/runs/999999999": "RUN_NOT_FOUND",
        "runs": "Choose all runs of this page",
        "operations": "Those that have not ended",
        "expiries": "Expiries",
        "nothing": "Nothing is at this address.",
    }


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    system: System, chromium: Browser, customer: Customer, colours: Any, width: int
) -> None:
    found: dict[str, list[str]] = {}
    operator = [*PERMISSIONS, "onboarding.platform"]
    async with window(
        chromium, system, tenants=[customer.tenant], permissions=operator, width=width, colours=colours
    ) as view:
        for address, text in pages_of(customer).items():
            await view.open(address)
            await view.sees(text)
            found[address] = await faults_of(view)
        for address, button in [(f"customers/{customer.tenant}", "Abandon"), ("customers", "Start an onboarding")]:
            await view.open(address)
            await view.page.get_by_role("button", name=button, exact=True).first.click()
            await expect(view.page.get_by_role("dialog")).to_be_visible()
            found[f"{address}: {button}"] = await faults_of(view)
            await view.page.keyboard.press("Escape")
        await view.page.get_by_role("button", name="Sign out").click()
        await view.sees("Sign in")
        found["sign-in"] = await faults_of(view)

    assert {address: faults for address, faults in found.items() if faults} == {}


async def faults_of(view: Window) -> list[str]:
    too_wide = await view.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*await view.violations(), *(["it scrolls sideways"] if too_wide else [])]


async def test_reduced_motion_stops_every_animation(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await view.page.emulate_media(reduced_motion="reduce")
        await view.open()
        style = "getComputedStyle(Object.assign(document.body, {className: 'changed'})).animationName"

        assert await view.page.evaluate(style) == "none"
