"""The target of a benchmark: a system with HTTP addresses for starts, and evidence that it leaves."""

from collections.abc import Sequence
from typing import Any, Protocol

import asyncpg

from tests.bench.http_load import post
from tests.bench.usage import Written, cpu_seconds, written
from tests.support.system import System

TASK = "bench.noop"
TENANTS_A_TOKEN = 100


class Target(Protocol):
    """A running system that can be loaded and measured."""

    urls: Sequence[str]
    """The addresses that starts are sent to, one for each instance."""

    def requests(self, tenants: Sequence[int]) -> list[bytes]:
        """One start for each tenant, as a whole HTTP request."""

    async def recorded(self, first: int, last: int) -> int:
        """The number of tenants from ``first`` to ``last`` whose started run has left evidence."""

    def cpu_seconds(self) -> dict[str, float]:
        """Process name → CPU seconds so far."""

    async def written(self) -> Written:
        """The transactions and log that its PostgreSQL has written so far."""


class Onboarding:
    """This project's system; each tenant of the load has ``runs_before`` runs with evidence already."""

    def __init__(
        self,
        system: System,
        evidence: "asyncpg.Connection[Any]",
        *,
        runs_before: int = 0,
        urls: Sequence[str] | None = None,
    ) -> None:
        self.system = system
        self.urls: Sequence[str] = urls or [system.journal["session_api"]]
        self._evidence = evidence
        self._runs_before = runs_before

    def requests(self, tenants: Sequence[int]) -> list[bytes]:
        requests: list[bytes] = []
        for begin in range(0, len(tenants), TENANTS_A_TOKEN):
            some = tenants[begin : begin + TENANTS_A_TOKEN]
            token = self.system.token(tenants=some)
            requests += [post(f"/tenants/{tenant}/onboarding/tasks/{TASK}/runs", token) for tenant in some]
        return requests

    async def recorded(self, first: int, last: int) -> int:
        # Heads, because counting the evidence itself would take longer the more there is.
        query = "SELECT count(*) FROM evidence_heads WHERE tenant_id BETWEEN $1 AND $2 AND length > $3"
        return int(await self._evidence.fetchval(query, first, last, self._runs_before))

    def cpu_seconds(self) -> dict[str, float]:
        return cpu_seconds(self.system)

    async def written(self) -> Written:
        return await written(self._evidence)
