"""One system for all tests; only where it is asked for, because it takes minutes and a Docker engine."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.composed import Composed, composed_system, engine_missing

ASKED_FOR = "ONBOARDING_TEST_COMPOSE"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests with the reason."""
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    reason = "`make test-compose` runs it" if not os.environ.get(ASKED_FOR) else engine_missing() if mine else None
    for item in mine if reason else ():
        item.add_marker(pytest.mark.skip(reason=str(reason)))


@pytest.fixture(scope="session")
def one_system() -> Iterator[Composed]:
    with composed_system() as system:
        yield system


@pytest.fixture
async def system(one_system: Composed) -> AsyncIterator[Composed]:
    """The system, healthy, whatever the test before did to it."""
    await one_system.wait_healthy()
    yield one_system
