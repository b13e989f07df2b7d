"""Schema migrations: Alembic with plain SQL, one transaction under an advisory lock."""

import asyncio
from importlib.resources import files

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from onboarding_shared.postgres.database import async_url

_LOCK_KEY = 0x6F6E626F_61726400
"""``onboard`` in ASCII: two migrations of one database at once wait for each other."""


def migrate(database_url: str, package: str) -> None:
    """Bring the database to the newest schema. Safe to run again, and by several processes at once.

    ``package`` is the import name of the folder with ``env.py`` and ``versions/``. Must not be called from a
    running event loop.
    """
    command.upgrade(config(database_url, package), "head")


def config(database_url: str, package: str) -> Config:
    """The Alembic configuration of one service, for ``migrate`` and for Alembic's own commands."""
    parent, _, name = package.rpartition(".")
    made = Config()
    made.set_main_option("script_location", str(files(parent) / name))
    made.attributes["database_url"] = database_url
    return made


def run_env(metadata: MetaData) -> None:
    """The whole of a service's ``env.py``."""
    given = context.config.attributes.get("connection")
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
    elif isinstance(given, Connection):
        _run(given, metadata)
    else:
        asyncio.run(_run_online(context.config.attributes["database_url"], metadata))


def run_script(sql: str) -> None:
    """Execute several statements at once; a prepared statement, which ``op.execute`` makes, takes one only."""
    if context.is_offline_mode():
        op.execute(sql)
        return
    driver_connection = op.get_bind().connection.driver_connection
    await_only(driver_connection.execute(sql))  # pyrefly: ignore[missing-attribute]


async def _run_online(database_url: str, metadata: MetaData) -> None:
    engine = create_async_engine(async_url(database_url), poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run, metadata)
    finally:
        await engine.dispose()


def _run(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=False)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        context.run_migrations()
