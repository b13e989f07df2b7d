"""A migrated database of the evidence store, and the service on it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from evidence_store.app import build
from evidence_store.settings import EvidenceStoreSettings
from onboarding_shared.devstack.identity import ISSUER, Identity
from onboarding_shared.postgres.migrate import migrate
from onboarding_shared.runtime.settings import (
    DatabaseSettings,
    HttpSettings,
    IdentitySettings,
    KafkaSettings,
    LogSettings,
)
from tests.integration.evidence_store.store_scene import MIXED, Scene
from tests.support.engines import Server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    made = Identity(tmp_path_factory.mktemp("identity"))
    made.ensure()
    return made


@pytest.fixture(scope="session")
def template_url(postgres_server: Server) -> str:
    """A migrated database that stays as it is: tests that write get copies of it."""
    url = postgres_server.new_database()
    migrate(url, "evidence_store.store.migrations")
    return url


@pytest.fixture(scope="session")
def calm_url(postgres_server: Server, template_url: str) -> str:
    """One copy for all tests that only read."""
    return asyncio.run(copy_of(postgres_server, template_url))


@pytest.fixture
async def store_url(postgres_server: Server, template_url: str) -> AsyncIterator[str]:
    """A copy that goes away again, so that the server has less to write down when it stops."""
    url = await copy_of(postgres_server, template_url)
    yield url
    await administer(postgres_server, template_url, f"DROP DATABASE {name_of(url)} WITH (FORCE)")


async def copy_of(server: Server, template_url: str) -> str:
    template = urlsplit(template_url)
    url = template._replace(path=f"{template.path}_{next(_numbers)}").geturl()
    await administer(server, template_url, f"CREATE DATABASE {name_of(url)} TEMPLATE {name_of(template_url)}"
                                           f" OWNER {template.username}")  # fmt: skip
    return url


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


async def administer(server: Server, url: str, statement: str) -> None:
    """A database that somebody is connected to can be neither copied nor dropped: this goes through another one."""
    connection = await asyncpg.connect(server.superuser_url(urlsplit(url)._replace(path="/postgres").geturl()))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def settings_for(url: str, identity: Identity, kafka: str = "127.0.0.1:9") -> EvidenceStoreSettings:
    """The settings of a service; its broker is nobody's address unless one is given."""
    return EvidenceStoreSettings(
        database=DatabaseSettings(url=url, pool_size=12),
        kafka=KafkaSettings(
            bootstrap_servers=kafka, enable_idempotence=False, replication_factor=1, topic_partitions=3
        ),
        log=LogSettings(),
        http=HttpSettings(port=0),
        identity=IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
    )


@pytest.fixture
async def scene(store_url: str, postgres_server: Server, identity: Identity) -> AsyncIterator[Scene]:
    """A service on an empty database of its own."""
    made = Scene(build(settings_for(store_url, identity)), store_url, postgres_server, identity)
    yield made
    await made.close()


@pytest.fixture
async def calm(calm_url: str, postgres_server: Server, identity: Identity) -> AsyncIterator[Scene]:
    """A service on a database that other tests read as well; it holds what ``MIXED`` says, and no more."""
    made = Scene(build(settings_for(calm_url, identity)), calm_url, postgres_server, identity)
    for batch in MIXED:
        await made.hear(*batch)  # a repeat changes nothing
    yield made
    await made.close()
