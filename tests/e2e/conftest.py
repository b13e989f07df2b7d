"""One embedded system for all tests; each takes tenants of its own. A module's tests share a browser."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.support import browser, task_package
from tests.support.system import System, running_system


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system, with the example package of tasks installed beside the product's own."""
    site = task_package.install(tmp_path_factory.mktemp("package"))
    with running_system(PYTHONPATH=str(site)) as system:
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(**browser.launch_options())
        yield started
        await started.close()
