"""The pictures of the web application in the documents: ``make images`` takes them again."""

import asyncio
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from onboarding_devstack.identity import PERMISSIONS
from tests.support import browser
from tests.support.caller import Caller
from tests.support.system import System, running_system
from tests.support.windows import Window, window

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(180),
    pytest.mark.skipif(browser.unusable() is not None, reason=f"no Chromium: {browser.unusable()}"),
]

IMAGES = Path(__file__).parents[2] / "docs/images"
TAKEN = ("customers.png", "customer.png", "customer-dark.png", "evidence.png", "operations.png", "phone.png")
MOST_BYTES = 300_000
NAMES = ("Contoso Bakeries", "Fabrikam Legal", "Tailspin Toys", "Wide World Importers")


DEAD_LETTERS = """
INSERT INTO dead_letters (source_topic, partition, record_offset, fingerprint, reason_code, detail, value, headers)
SELECT 'onboarding.operation-runs.v1', 0, number, sha256(number::text::bytea), 'MALFORMED', 'no JSON', 'x', '[]'
FROM generate_series(1, 3) AS number
"""


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """The system as it is shipped: no other package of tasks is on the pictures."""
    with running_system() as system:
        yield system


async def prepare(caller: Caller, name: str, step: int, behaviour: str = "healthy", **control: object) -> None:
    """A customer with this name in this step, of which the checks of all steps until then have run."""
    await caller.connect(behaviour, **control)
    named = await caller.http.put(caller.path("/name"), json={"display_name": name})
    assert named.status_code == 200, named.text
    session = (await caller.post("/session")).json()["id"]
    for current in range(1, step + 1):
        started = (await caller.post(f"/steps/{current}/runs", json={"include_optional": True})).json()
        if current < step:
            await asyncio.gather(*(caller.ended(task["run_id"], seconds=60) for task in started))
            moved = await caller.patch(f"/session/{session}", json={"current_step": current + 1})
            assert moved.status_code == 200, moved.text


async def take(view: Window, folder: Path, name: str) -> None:
    await view.page.mouse.move(0, 0)
    await view.page.evaluate("document.activeElement.blur()")
    await view.page.screenshot(path=folder / name, animations="disabled")


async def test_the_pictures_are_taken_and_small(system: System, tmp_path: Path) -> None:
    folder = Path(os.environ.get("ONBOARDING_TEST_IMAGES") or tmp_path)
    callers = [system.caller() for _ in NAMES]
    first = callers[0].tenant
    tenants = [caller.tenant for caller in callers]
    await asyncio.gather(
        prepare(callers[0], NAMES[0], 3, consented=[]),
        prepare(callers[1], NAMES[1], 5),
        prepare(callers[2], NAMES[2], 4),
        prepare(callers[3], NAMES[3], 1, "unlicensed"),
    )
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(**browser.launch_options())
        async with window(chromium, system, tenants=tenants) as view:
            await view.open()
            await expect(view.page.locator("tbody tr")).to_have_count(len(NAMES))
            await take(view, folder, "customers.png")
            await view.open(f"customers/{first}")
            await view.page.get_by_role("button", name="Make a consent link", exact=True).click()
            await view.sees("Copy link")
            await expect(view.page.get_by_text("The consent link was made.")).to_be_hidden(timeout=10_000)
            await take(view, folder, "customer.png")
            await view.open(f"customers/{tenants[1]}/evidence")
            await view.page.get_by_role("button", name="Verify the chain", exact=True).click()
            await view.sees("is whole")
            await take(view, folder, "evidence.png")
        await system.rows("session_api", DEAD_LETTERS)
        operator = [*PERMISSIONS, "onboarding.platform"]
        async with window(chromium, system, tenants=tenants, permissions=operator) as view:
            await view.open("operations")
            await expect(view.page.get_by_text("✓ Ready", exact=True)).to_have_count(3, timeout=30_000)
            await view.sees("MALFORMED")
            await view.sees("Choose all runs of this page")
            await take(view, folder, "operations.png")
        async with window(chromium, system, tenants=tenants, colours="dark") as view:
            await view.open(f"customers/{tenants[1]}")
            await view.sees("chain verified")
            await take(view, folder, "customer-dark.png")
        async with window(chromium, system, tenants=tenants, width=360) as view:
            await view.open(f"customers/{first}")
            await view.sees("chain verified")
            await take(view, folder, "phone.png")
        await chromium.close()
    for caller in callers:
        await caller.http.aclose()

    assert {name: (folder / name).stat().st_size < MOST_BYTES for name in TAKEN} == dict.fromkeys(TAKEN, True)


def test_the_documents_have_these_pictures() -> None:
    assert sorted(picture.name for picture in IMAGES.glob("*.png")) == sorted(TAKEN)
    widths = {name: struct.unpack(">I", (IMAGES / name).read_bytes()[16:20])[0] for name in TAKEN}
    assert widths == {**dict.fromkeys(TAKEN, 1280), "phone.png": 360}
