"""The embedded PostgreSQL by itself."""

import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from onboarding_devstack.engines import postgres
from tests.support.children import Children


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The embedded PostgreSQL, whatever the other tests run on."""
    with Children("embedded").postgres_server() as url:
        yield url


async def value_of(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("name", "role", "password"),
    [
        ("plain", "plain", "secret"),
        ("with-dash", "Mixed Case", 'it\'s a \\ "secret" /@:?'),
        ('quo"te', "o'role", "%I $$"),
    ],
)
async def test_a_database_of_any_name_is_owned_by_its_role(server: str, name: str, role: str, password: str) -> None:
    postgres.create_databases(server, [postgres.ServiceDatabase(name, role, password)])
    url = postgres.url_on(server, name, role, password)
    assert await value_of(url, "SELECT current_database() || '/' || current_user") == f"{name}/{role}"
    await value_of(url, "CREATE TABLE mine (x int)")


async def test_databases_are_made_once_and_the_newest_password_counts(server: str) -> None:
    postgres.create_databases(server, [postgres.ServiceDatabase("twice", "twice", "old")])
    postgres.create_databases(server, [postgres.ServiceDatabase("twice", "twice", "new")])
    assert await value_of(postgres.url_on(server, "twice", "twice", "new"), "SELECT 1") == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        await value_of(postgres.url_on(server, "twice", "twice", "old"), "SELECT 1")


async def test_a_role_does_not_get_into_the_database_of_another(server: str) -> None:
    names = ("hers", "his")
    postgres.create_databases(server, [postgres.ServiceDatabase(name, name, "secret") for name in names])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await value_of(postgres.url_on(server, "hers", "his", "secret"), "SELECT 1")


async def test_commits_are_durable(server: str) -> None:
    shown = [await value_of(server, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")]
    assert shown == ["on", "on", "on"]


async def test_the_server_has_no_socket_file(server: str) -> None:
    assert await value_of(server, "SHOW unix_socket_directories") == ""


def test_a_server_is_probed_in_its_own_protocol(server: str) -> None:
    assert postgres.answers(server)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert not postgres.answers(f"postgresql://127.0.0.1:{mute.getsockname()[1]}/postgres")


def test_a_stale_lock_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18")
    (tmp_path / "postmaster.pid").write_text("1\nother\n")
    postgres.prepare(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()
    assert not postgres.is_ready(tmp_path)


async def test_the_running_server_is_found_by_its_folder(server: str, tmp_path: Path) -> None:
    folder = Path(str(await value_of(server, "SHOW data_directory")))
    assert postgres.running(folder) is not None
    assert postgres.running(tmp_path) is None


def test_the_clock_of_a_server_on_this_machine_is_this_machines(server: str) -> None:
    assert postgres.clock_offset(server) == pytest.approx(0, abs=2)


def test_the_clock_of_a_server_that_is_away_is_unknown() -> None:
    assert postgres.clock_offset("postgresql://nobody@127.0.0.1:9/nothing") is None
