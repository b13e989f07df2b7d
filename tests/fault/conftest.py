"""One embedded system for all kills, with short intervals so that several sweeps fit into a test.

The example package of tasks, and one that kills its worker, are installed beside the product's own.
"""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support import task_package
from tests.support.system import System, running_system

INTERVAL_SECONDS = 3
"""Seconds of a lease, before a command is repeated, and before a result is repeated."""


@pytest.fixture(scope="package")
def one_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    seconds = str(INTERVAL_SECONDS)
    packages = (task_package.EXAMPLE, task_package.POISON)
    sites = [str(task_package.install(tmp_path_factory.mktemp("package"), package)) for package in packages]
    with running_system(
        ONBOARDING_LEASE_SECONDS=seconds,
        ONBOARDING_SILENCE_SECONDS=seconds,
        ONBOARDING_CONFIRM_SECONDS=seconds,
        PYTHONPATH=os.pathsep.join(sites),
    ) as system:
        yield system


@pytest.fixture
async def system(one_system: System) -> AsyncIterator[System]:
    """The system, ready, whatever the test before did to it."""
    await one_system.wait_ready()
    yield one_system
