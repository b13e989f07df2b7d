"""A PostgreSQL server, whoever runs it, that hands out databases."""

import itertools
import secrets
from urllib.parse import urlsplit

import asyncpg

from onboarding_devstack.engines import postgres
from onboarding_shared.postgres.migrate import migrate


class Server:
    """A running PostgreSQL that hands out databases, empty or with a service's schema."""

    def __init__(self, administrator: str) -> None:
        self.administrator = administrator
        """The `postgresql://` URL of a superuser."""
        self._prefix = f"test_{secrets.token_hex(3)}"  # a server of somebody else's has databases of earlier runs
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}

    def new_database(self) -> str:
        """The URL of a database that nobody has used yet, as its own role."""
        name = self._new_name()
        postgres.create_databases(self.administrator, [postgres.ServiceDatabase(name, name, "secret")])
        return postgres.url_on(self.administrator, name, name, "secret")

    async def copy_of(self, database_url: str) -> str:
        """The URL of a new copy of a database that nobody is connected to; a fifth of the time a migration takes."""
        template = urlsplit(database_url)
        name = self._new_name()
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {template.path[1:]} OWNER {template.username}")
        return template._replace(path=f"/{name}").geturl()

    def migrated_template(self, package: str) -> str:
        """The database to copy for a service's tests, which the migrations of ``package`` made. Nobody writes to it."""
        if package not in self._templates:
            template = self.new_database()
            migrate(template, package)
            self._templates[package] = template
        return self._templates[package]

    async def drop(self, database_url: str) -> None:
        """Remove a database with whoever is connected, so that the server has less to write down when it stops."""
        await self._administer(f"DROP DATABASE {urlsplit(database_url).path[1:]} WITH (FORCE)")

    def superuser_url(self, database_url: str) -> str:
        """The same database as the superuser, who may do what the service's role must not."""
        return urlsplit(self.administrator)._replace(path=urlsplit(database_url).path).geturl()

    def _new_name(self) -> str:
        return f"{self._prefix}_{next(self._numbers)}"

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.administrator)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
