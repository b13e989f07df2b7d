"""The embedded PostgreSQL by itself."""

from pathlib import Path

import asyncpg
import pytest

from onboarding_shared.devstack import postgres
from tests.support.engines import Server


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
async def test_a_database_of_any_name_is_owned_by_its_role(
    postgres_server: Server, name: str, role: str, password: str
) -> None:
    postgres.create_databases(postgres_server.folder, postgres_server.port, [postgres.Database(name, role, password)])
    url = postgres.url(postgres_server.port, name, role, password)
    assert await value_of(url, "SELECT current_database() || '/' || current_user") == f"{name}/{role}"
    await value_of(url, "CREATE TABLE mine (x int)")


async def test_databases_are_made_once_and_the_newest_password_counts(postgres_server: Server) -> None:
    where = (postgres_server.folder, postgres_server.port)
    postgres.create_databases(*where, [postgres.Database("twice", "twice", "old")])
    postgres.create_databases(*where, [postgres.Database("twice", "twice", "new")])
    assert await value_of(postgres.url(postgres_server.port, "twice", "twice", "new"), "SELECT 1") == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        await value_of(postgres.url(postgres_server.port, "twice", "twice", "old"), "SELECT 1")


async def test_a_role_does_not_get_into_the_database_of_another(postgres_server: Server) -> None:
    names = ("hers", "his")
    wanted = [postgres.Database(name, name, "secret") for name in names]
    postgres.create_databases(postgres_server.folder, postgres_server.port, wanted)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await value_of(postgres.url(postgres_server.port, "hers", "his", "secret"), "SELECT 1")


async def test_commits_are_durable(postgres_server: Server) -> None:
    url = postgres.superuser_url(postgres_server.folder, postgres_server.port)
    shown = [await value_of(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")]
    assert shown == ["on", "on", "on"]


async def test_the_server_has_no_socket_file_whose_path_could_be_too_long(postgres_server: Server) -> None:
    url = postgres.superuser_url(postgres_server.folder, postgres_server.port)
    assert await value_of(url, "SHOW unix_socket_directories") == ""


def test_a_lock_file_of_a_process_that_is_gone_or_another_program_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18")
    (tmp_path / "postmaster.pid").write_text("1\nother\n")
    postgres.prepare(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()
    assert not postgres.is_ready(tmp_path)


def test_the_running_server_is_found_by_its_folder(postgres_server: Server, tmp_path: Path) -> None:
    assert postgres.running(postgres_server.folder) is not None
    assert postgres.running(tmp_path) is None
