"""Rounds of a fleet: every check of every customer, from the first start to the last evidence."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
import httpx2

from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.tenants import PARTNER_TENANT
from onboarding_devstack.system import DEMO_CLIENT_ID, DEMO_CREDENTIAL
from onboarding_devstack.tenant_bindings import binding_of
from tests.bench.fleet_customers import CHECKS, SICK, Latency, external_tenant
from tests.bench.http_load import closed_loop, post
from tests.bench.usage import cpu_seconds, difference, resident_megabytes
from tests.support.system import System

TENANTS_A_TOKEN = 100
TIMEOUT_SECONDS = 900.0
TOGETHER = 16
RECORDED = "SELECT count(*) FROM evidence WHERE id > $1 AND tenant_id BETWEEN $2 AND $3"
POLL_SECONDS = 0.5
"""Between two looks at the evidence, which cost PostgreSQL some milliseconds each."""
ACTIVE = "SELECT count(*) FROM executions WHERE finished_at IS NULL"
STATUSES = """
SELECT status, reason_code, count(*) AS count FROM evidence
WHERE tenant_id BETWEEN $1 AND $2 AND id > $3 GROUP BY 1, 2 ORDER BY 3 DESC
"""


class FleetRound(NamedTuple):
    """One round: ``statuses`` counts the results by status, ``requests`` those to Graph for the healthy customers."""

    checks: int
    seconds: float
    cpu_seconds: dict[str, float]
    megabytes: dict[str, float]
    requests: int
    partner_requests: int
    statuses: dict[str, int]


def together(rounds: Sequence[FleetRound]) -> FleetRound:
    """The sum of several rounds; memory is that after the last."""
    cpu = {name: sum(measured.cpu_seconds[name] for measured in rounds) for name in rounds[0].cpu_seconds}
    statuses: Counter[str] = Counter()
    for measured in rounds:
        statuses.update(measured.statuses)
    return FleetRound(
        checks=sum(measured.checks for measured in rounds),
        seconds=sum(measured.seconds for measured in rounds),
        cpu_seconds=cpu,
        megabytes=rounds[-1].megabytes,
        requests=sum(measured.requests for measured in rounds),
        partner_requests=sum(measured.partner_requests for measured in rounds),
        statuses=dict(statuses),
    )


class FleetBench:
    """A system, and the customers that it checks."""

    def __init__(self, system: System, latency: Latency, *, clients: int) -> None:
        self._system = system
        self._latency = latency
        self._clients = clients
        # The servers close idle connections after five seconds.
        kept = httpx2.Limits(keepalive_expiry=2.0)
        self._http = httpx2.AsyncClient(trust_env=False, verify=False, timeout=60, limits=kept)
        self._graph, self._api = system.journal["graph"], system.journal["session_api"]

    async def connect(self, tenants: Sequence[int]) -> None:
        """Give each customer a tenant at Microsoft and a provider connection."""
        secret = self._system.place.secrets["client_secret"]
        await self._tell(f"applications/{DEMO_CLIENT_ID}", {"secrets": [{"value": secret}]})
        partner = {"consented": [DEMO_CLIENT_ID], "granted": APP_ROLES.partner_side, **self._latency.control()}
        if not await self._requests(PARTNER_TENANT):
            await self._tell(f"tenants/{PARTNER_TENANT}", partner)
        await self._system.bind(*(binding_of(tenant, external_tenant(tenant)) for tenant in tenants))
        turns = asyncio.Semaphore(TOGETHER)

        async def connect_one(tenant: int) -> None:
            async with turns:
                await self._behave(tenant)
                await self._connection(tenant)

        await asyncio.gather(*map(connect_one, tenants))

    async def make_sick(self, tenants: Sequence[int]) -> None:
        """Let each of the customers have another sickness."""
        for tenant, (behaviour, control) in zip(tenants, SICK, strict=True):
            await self._behave(tenant, behaviour, **control)

    async def heal(self, tenants: Sequence[int]) -> None:
        """Let the sick customers answer again, and wait until none of their runs is left."""
        for tenant in tenants:
            await self._behave(tenant)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while await self._system.value("task_runner", ACTIVE) and time.monotonic() < deadline:
            await asyncio.sleep(0.5)

    async def _behave(self, tenant: int, behaviour: str = "healthy", **control: Any) -> None:
        body = {"behaviour": behaviour, "consented": [DEMO_CLIENT_ID], **self._latency.control(), **control}
        await self._tell(f"tenants/{external_tenant(tenant)}", body)

    async def round(self, tenants: Sequence[int], sick: Sequence[int] = ()) -> FleetRound:
        """Start every check, those of the sick first, and wait for the evidence of the healthy customers."""
        evidence = await asyncpg.connect(self._system.journal["databases"]["evidence_store"])
        span = (tenants[0], tenants[-1])
        last = await evidence.fetchval("SELECT max(id) FROM evidence") or 0
        cpu, requests = cpu_seconds(self._system), await self._all_requests(tenants)
        began = time.perf_counter()
        await closed_loop([self._api], self._starts([*sick, *tenants]), clients=self._clients, expect=201)
        checks = len(tenants) * len(CHECKS)
        await _until(evidence, checks, (last, *span))
        seconds = time.perf_counter() - began
        await asyncio.sleep(1.0)  # confirmations and projections are part of the cost of a check
        spent = difference(cpu_seconds(self._system), cpu)
        counted = await self._all_requests(tenants)
        rows = await evidence.fetch(STATUSES, *span, last)
        await evidence.close()
        return FleetRound(
            checks=checks,
            seconds=seconds,
            cpu_seconds=spent,
            megabytes=resident_megabytes(self._system),
            requests=counted[0] - requests[0],
            partner_requests=counted[1] - requests[1],
            statuses={f"{row['status']} {row['reason_code']}": row["count"] for row in rows},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _starts(self, tenants: Sequence[int]) -> list[bytes]:
        requests: list[bytes] = []
        for begin in range(0, len(tenants), TENANTS_A_TOKEN):
            part = tenants[begin : begin + TENANTS_A_TOKEN]
            token = self._system.token(tenants=part)
            paths = [f"/tenants/{tenant}/onboarding/tasks/{name}/runs" for tenant in part for name in CHECKS]
            requests += [post(path, token) for path in paths]
        return requests

    async def _connection(self, tenant: int) -> None:
        answer = await self._http.post(
            f"{self._api}/tenants/{tenant}/onboarding/provider-connections",
            headers={"Authorization": f"Bearer {self._system.token(tenants=[tenant])}"},
            json={
                "display_name": "Customer",
                "external_tenant_id": external_tenant(tenant),
                "client_id": DEMO_CLIENT_ID,
                "credential_ref": DEMO_CREDENTIAL,
            },
        )
        assert answer.status_code == 201, answer.text

    async def _tell(self, path: str, body: dict[str, Any]) -> None:
        answer = await self._http.put(f"{self._graph}/_control/{path}", json=body)
        answer.raise_for_status()

    async def _requests(self, tenant: str) -> int:
        answer = await self._http.get(f"{self._graph}/_control/tenants/{tenant}")
        return int(answer.json()["graph_requests"])

    async def _all_requests(self, tenants: Sequence[int]) -> tuple[int, int]:
        """The requests to Graph so far: in the customers' tenants, and in the partner's."""
        own = [await self._requests(external_tenant(tenant)) for tenant in tenants]
        return sum(own), await self._requests(PARTNER_TENANT)


async def _until(evidence: "asyncpg.Connection[Any]", wanted: int, span: tuple[int, int, int]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (count := await evidence.fetchval(RECORDED, *span)) < wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{wanted - count} checks left no evidence within {TIMEOUT_SECONDS:.0f} s")
        await asyncio.sleep(POLL_SECONDS)
