"""A migrated database of the evidence store, and the service on it."""

from collections.abc import AsyncIterator

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

from tests.integration.evidence_store.store_scene import Scene
from tests.support.engines import Server


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    made = Identity(tmp_path_factory.mktemp("identity"))
    made.ensure()
    return made


@pytest.fixture
def store_url(database_url: str) -> str:
    migrate(database_url, "evidence_store.store.migrations")
    return database_url


@pytest.fixture
def store_settings(store_url: str, identity: Identity) -> EvidenceStoreSettings:
    """The settings of a service whose broker nobody listens for: tests that need one say so."""
    return EvidenceStoreSettings(
        database=DatabaseSettings(url=store_url, pool_size=12),
        kafka=KafkaSettings(
            bootstrap_servers="127.0.0.1:9", enable_idempotence=False, replication_factor=1, topic_partitions=3
        ),
        log=LogSettings(),
        http=HttpSettings(port=0),
        identity=IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
    )


@pytest.fixture
async def scene(
    store_settings: EvidenceStoreSettings, store_url: str, postgres_server: Server, identity: Identity
) -> AsyncIterator[Scene]:
    made = Scene(build(store_settings), store_url, postgres_server, identity)
    yield made
    await made.close()
