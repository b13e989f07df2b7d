"""A service over a fresh database."""

from collections.abc import AsyncIterator

import pytest

from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.devstack.identity import Identity
from onboarding_shared.postgres.migrate import migrate
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import CATALOGUE, Api, make_settings


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    made = Identity(tmp_path_factory.mktemp("identity"))
    made.ensure()
    return made


@pytest.fixture
def settings(database_url: str, identity: Identity) -> SessionApiSettings:
    """A broker that nobody listens at: what needs one asks for it."""
    migrate(database_url, "session_api.store.migrations")
    return make_settings(database_url, identity)


@pytest.fixture
async def api(settings: SessionApiSettings, identity: Identity) -> AsyncIterator[Api]:
    made = Api(build(settings), settings, identity)
    await made.hear(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    yield made
    await made.close()
