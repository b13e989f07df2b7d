"""A migrated database of the task runner."""

from collections.abc import AsyncIterator

import pytest

from onboarding_shared.postgres.database import Database
from tests.integration.task_runner.runner_harness import RunnerHarness
from tests.support.engines import Server


@pytest.fixture(scope="session")
def template_url(postgres_server: Server) -> str:
    return postgres_server.migrated_template("task_runner.store.migrations")


@pytest.fixture
async def runner_url(postgres_server: Server, template_url: str) -> AsyncIterator[str]:
    url = await postgres_server.copy_of(template_url)
    yield url
    await postgres_server.drop(url)


@pytest.fixture
async def harness(runner_url: str) -> AsyncIterator[RunnerHarness]:
    database = Database(runner_url, application_name="test", pool_size=12)
    harness = RunnerHarness(database)
    yield harness
    if harness.worker is not None:
        await harness.worker.stop()
    await harness.providers.close()
    await database.close()
