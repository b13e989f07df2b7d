"""A migrated database of the evidence store, and the service on it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from evidence_store.app import build
from evidence_store.settings import EvidenceStoreSettings
from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from tests.integration.evidence_store.store_harness import MIXED, StoreHarness
from tests.support.engines import Server, kafka_settings


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    made = Identity(tmp_path_factory.mktemp("identity"))
    made.ensure()
    return made


@pytest.fixture(scope="session")
def template_url(postgres_server: Server) -> str:
    return postgres_server.migrated_template("evidence_store.store.migrations")


@pytest.fixture(scope="session")
def calm_url(postgres_server: Server, template_url: str) -> str:
    """One copy for all tests that only read."""
    return asyncio.run(postgres_server.copy_of(template_url))


@pytest.fixture
async def store_url(postgres_server: Server, template_url: str) -> AsyncIterator[str]:
    url = await postgres_server.copy_of(template_url)
    yield url
    await postgres_server.drop(url)


def settings_for(url: str, identity: Identity, kafka: str = "127.0.0.1:9") -> EvidenceStoreSettings:
    """The settings of a service; its broker is nobody's address unless one is given."""
    return EvidenceStoreSettings(
        database=DatabaseSettings(url=url, pool_size=12),
        kafka=kafka_settings(kafka),
        log=LogSettings(),
        http=HttpSettings(port=0),
        identity=IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
    )


@pytest.fixture
async def store(store_url: str, postgres_server: Server, identity: Identity) -> AsyncIterator[StoreHarness]:
    """A service on an empty database of its own."""
    made = StoreHarness(build(settings_for(store_url, identity)), store_url, postgres_server, identity)
    yield made
    await made.close()


@pytest.fixture
async def calm(calm_url: str, postgres_server: Server, identity: Identity) -> AsyncIterator[StoreHarness]:
    """A service on a database that several tests read; it holds the evidence of ``MIXED`` only."""
    made = StoreHarness(build(settings_for(calm_url, identity)), calm_url, postgres_server, identity)
    for batch in MIXED:
        await made.consume(*batch)  # a repeat changes nothing
    yield made
    await made.close()
