"""Resource usage of a system: CPU time, memory, transactions and write-ahead log."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import asyncpg
import psutil

from tests.support.system import System


def cpu_seconds(system: System) -> dict[str, float]:
    """Process name → CPU seconds so far, with those of all its descendants, running or ended."""
    return cpu_seconds_of(system.journal["processes"])


def cpu_seconds_of(processes: Mapping[str, int]) -> dict[str, float]:
    """The same for processes by their name and id."""
    return {name: _tree_seconds(psutil.Process(pid)) for name, pid in processes.items()}


def _tree_seconds(root: psutil.Process) -> float:
    seconds = 0.0
    for process in (root, *root.children(recursive=True)):
        times: Any = process.cpu_times()
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def resident_megabytes(system: System) -> dict[str, float]:
    """Process name → resident memory of the process itself, in MB."""
    return {name: psutil.Process(pid).memory_info().rss / 1e6 for name, pid in system.journal["processes"].items()}


class Written(NamedTuple):
    """Totals written by the server: transactions and bytes of write-ahead log."""

    transactions: int
    wal_bytes: int

    def since(self, before: "Written") -> "Written":
        """The difference to an earlier reading."""
        return Written(self.transactions - before.transactions, self.wal_bytes - before.wal_bytes)


async def written(connection: "asyncpg.Connection[Any]") -> Written:
    """Every transaction that writes takes a transaction id; one that only reads takes none."""
    row = await connection.fetchrow(
        "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid,"
        " pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS wal"
    )
    assert row is not None
    return Written(row["xid"], row["wal"])


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """The increase per name."""
    return {name: after[name] - before[name] for name in after}
