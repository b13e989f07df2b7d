"""A migrated database of the task runner."""

from collections.abc import AsyncIterator

import pytest

from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.migrate import migrate
from tests.integration.task_runner.scene import Scene


@pytest.fixture
def runner_url(database_url: str) -> str:
    migrate(database_url, "task_runner.store.migrations")
    return database_url


@pytest.fixture
async def scene(runner_url: str) -> AsyncIterator[Scene]:
    database = Database(runner_url, application_name="test", pool_size=12)
    scene = Scene(database)
    yield scene
    if scene.worker is not None:
        await scene.worker.stop()
    await scene.providers.close()
    await database.close()
