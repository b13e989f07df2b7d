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
"""``onboard`` in ASCII: serializes concurrent migrations of one database."""


def migrate(database_url: str, package: str) -> None:
    """Upgrade the database to the latest schema. Safe to repeat, and to run concurrently.

    ``package`` is the import name of the folder with ``env.py`` and ``versions/``. Must not be called from a
    running event loop.
    """
    command.upgrade(config(database_url, package), "head")


def config(database_url: str, package: str) -> Config:
    """Create the Alembic configuration of a service, for ``migrate`` and for Alembic's commands."""
    parent, _, name = package.rpartition(".")
    configuration = Config()
    configuration.set_main_option("script_location", str(files(parent) / name))
    configuration.attributes["database_url"] = database_url
    return configuration


def run_env(metadata: MetaData) -> None:
    """Run the migrations of a service; its ``env.py`` only calls this."""
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
    """Execute several statements at once; ``op.execute`` prepares its statement, which allows only one."""
    if context.is_offline_mode():
        op.execute(sql)
        return
    driver_connection = op.get_bind().connection.driver_connection
    await_only(driver_connection.execute(sql))  # pyrefly: ignore[missing-attribute]


async def _run_online(database_url: str, metadata: MetaData) -> None:
    engine = create_async_engine(async_url(database_url), poolclass=pool.NullPool)
    try:
        async with engine.connect() as tx:
            await tx.run_sync(_run, metadata)
    finally:
        await engine.dispose()


def _run(tx: Connection, metadata: MetaData) -> None:
    context.configure(connection=tx, target_metadata=metadata, compare_server_default=False)
    with context.begin_transaction():
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        context.run_migrations()
