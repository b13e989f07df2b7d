"""Counts what the services ask of the database server: every statement is one round trip."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import Connection, event, text

from onboarding_shared.postgres.database import Database


class Requests(NamedTuple):
    """The requests to the server so far."""

    round_trips: int
    write_transactions: int

    def since(self, before: "Requests") -> "Requests":
        """The difference to an earlier count."""
        return Requests(self.round_trips - before.round_trips, self.write_transactions - before.write_transactions)


class Wal(NamedTuple):
    """The write-ahead log so far. A page is written whole once after each checkpoint, which counts in the bytes."""

    records: int
    size: int

    def since(self, before: "Wal") -> "Wal":
        """The difference to an earlier count."""
        return Wal(self.records - before.records, self.size - before.size)


class Counter:
    """Listens to the connections that these databases open from now on."""

    def __init__(self, databases: Iterable[Database]) -> None:
        self._databases = tuple(databases)
        self._asked = Requests(0, 0)
        for database in self._databases:
            event.listen(database.engine.sync_engine, "connect", self._listen)
            event.listen(database.engine.sync_engine, "before_cursor_execute", self._statement)

    def _listen(self, connection: Any, _: object) -> None:
        connection.driver_connection.add_query_logger(self._begin_or_commit)

    def _begin_or_commit(self, record: asyncpg.connection.LoggedQuery) -> None:
        """The driver logs what is not prepared, and all our statements are."""
        self._count(writes=record.query.startswith("COMMIT"))

    def _statement(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        alone = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        self._count(writes=alone and not statement.lstrip().startswith("SELECT"))

    def _count(self, *, writes: bool) -> None:
        self._asked = Requests(self._asked.round_trips + 1, self._asked.write_transactions + writes)

    @property
    def asked(self) -> Requests:
        """All so far. A statement outside of BEGIN and COMMIT is a transaction by itself."""
        return self._asked

    async def wal(self) -> Wal:
        """The write-ahead log of the whole server; its processes report late unless a report is forced."""
        for database in self._databases:
            await database.run_single(lambda connection: connection.execute(text("SELECT pg_stat_force_next_flush()")))
        read = text("SELECT wal_records, wal_bytes FROM pg_stat_wal")
        rows = await self._databases[0].run_single(lambda connection: connection.execute(read))
        row = rows.one()
        return Wal(int(row.wal_records), int(row.wal_bytes))
