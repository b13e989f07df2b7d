"""The engines every test may ask for."""

from collections.abc import Iterator

import pytest

from tests.support import engines


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[engines.Server]:
    """One PostgreSQL for the whole run."""
    with engines.postgres_server() as server:
        yield server


@pytest.fixture
def database_url(postgres_server: engines.Server) -> str:
    """A fresh, empty database."""
    return postgres_server.new_database()


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address of one broker for the whole run."""
    with engines.kafka_broker() as bootstrap_servers:
        yield bootstrap_servers
