"""A service over a fresh database."""

from collections.abc import AsyncIterator

import pytest

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import CATALOGUE, Api, make_settings
from tests.support.engines import Server


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    made = Identity(tmp_path_factory.mktemp("identity"))
    made.ensure()
    return made


@pytest.fixture(scope="session")
def template_url(postgres_server: Server) -> str:
    return postgres_server.migrated_template("session_api.store.migrations")


@pytest.fixture
async def settings(postgres_server: Server, template_url: str, identity: Identity) -> AsyncIterator[SessionApiSettings]:
    """A database of its own, and a broker that nobody listens at: what needs one asks for it."""
    url = await postgres_server.copy_of(template_url)
    yield make_settings(url, identity)
    await postgres_server.drop(url)


@pytest.fixture
async def api(settings: SessionApiSettings, identity: Identity) -> AsyncIterator[Api]:
    made = Api(build(settings), settings, identity)
    await made.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    yield made
    await made.close()
