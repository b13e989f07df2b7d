"""One embedded system for all kills, with short patience so that several sweeps fit into a test.

The example package of tasks is installed beside the product's own.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support import task_package
from tests.support.system import System, running_system

PATIENCE = 3
"""Seconds: lease, silence before a command is repeated, and before a result is repeated."""


@pytest.fixture(scope="package")
def one_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    patience = str(PATIENCE)
    site = task_package.install(tmp_path_factory.mktemp("package"))
    with running_system(
        ONBOARDING_LEASE_SECONDS=patience,
        ONBOARDING_SILENCE_SECONDS=patience,
        ONBOARDING_CONFIRM_SECONDS=patience,
        PYTHONPATH=str(site),
    ) as system:
        yield system


@pytest.fixture
async def system(one_system: System) -> AsyncIterator[System]:
    """The system, ready, whatever the test before did to it."""
    await one_system.wait_ready()
    yield one_system
