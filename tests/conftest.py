"""The engines every test may ask for."""

import os
from collections.abc import Generator, Iterator

import pytest

from tests.support import browser, engines
from tests.support.system import System


def pytest_report_header() -> list[str]:
    """Print the engines and the browser that the tests run on."""
    return [engines.described(), browser.described()]


def pytest_configure(config: pytest.Config) -> None:
    """One broker that all workers shared would give each a part of what is meant for one."""
    if os.environ.get(engines.KAFKA_VARIABLE) and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError(f"with {engines.KAFKA_VARIABLE} the tests need one process: -n 0")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails on a running system shows what its processes logged last."""
    report = yield
    system = getattr(item, "funcargs", {}).get("system")
    if report.when == "call" and not report.passed and isinstance(system, System):
        report.sections += [(f"Log of {name}", text) for name, text in system.last_warnings().items()]
    return report


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
    with engines.shared_broker() as bootstrap_servers:
        yield bootstrap_servers
