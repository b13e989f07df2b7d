"""Readings that runs of one process share, over HTTP: how many requests are sent, and what the evidence says."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import TaskContext
from task_runner.tasks.context import RunDetails
from task_runner.tasks.graph import SHARED
from task_runner.testing import (
    CREDENTIAL,
    CREDENTIAL_NAME,
    CREDENTIALS,
    EveryTenant,
    GraphServer,
    connection_to,
    graph_server,
)

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
ORGANIZATION = "/organization"
SKUS = "/subscribedSkus"


class Process:
    """A process with many runs, and the requests that reach Microsoft Graph."""

    def __init__(self, server: GraphServer, providers: Providers) -> None:
        self.server = server
        self._providers = providers

    def run(self, **details: Any) -> TaskContext:
        return self._providers.context_for(
            tenant_id=1,
            run_id=1,
            attempt=1,
            connection=connection_to(TENANT),
            deadline=time.monotonic() + 30.0,
            details=RunDetails(**details),
        )

    async def requests(self) -> int:
        return len(await self.server.requested(TENANT))


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    monkeypatch.setenv(CREDENTIAL_NAME, CREDENTIAL)
    async with graph_server() as server:
        await server.tell(TENANT)
        settings = ProviderSettings(graph_url=server.url, login_url=server.url, credentials=CREDENTIALS)
        async with Providers(settings, bindings=EveryTenant()) as providers:
            yield Process(server, providers)


def provenance(run: TaskContext) -> dict[str, Any]:
    return dict(run.graph.record.as_payload())


async def test_a_second_run_reads_what_the_first_one_read(process: Process) -> None:
    first, second = process.run(), process.run()
    read = [await run.graph.list(SKUS, max_age=SHARED) for run in (first, second)]

    assert read[0] == read[1] != ()
    assert await process.requests() == 1
    (sent,), (taken,) = provenance(first)["responses"], provenance(second)["responses"]
    assert {**sent, "shared": True} == taken
    assert (sent["shared"], second.graph.record.first_at) == (False, first.graph.record.first_at)
    assert provenance(first)["lists"] == provenance(second)["lists"]


async def test_a_reading_is_shared_only_where_both_runs_want_it(process: Process) -> None:
    await process.run().graph.get(SKUS, max_age=SHARED)
    await process.run().graph.get(SKUS)
    assert await process.requests() == 2


async def test_a_changed_reading_of_one_run_leaves_the_others(process: Process) -> None:
    (organization,) = await process.run().graph.list(ORGANIZATION, max_age=SHARED)
    organization.clear()
    assert (await process.run().graph.list(ORGANIZATION, max_age=SHARED))[0]["id"] == TENANT


async def test_a_dry_run_reads_for_itself(process: Process) -> None:
    for dry_run in (False, True, True):
        await process.run(dry_run=dry_run).graph.list(SKUS, max_age=SHARED)
    assert await process.requests() == 3


@pytest.mark.parametrize(
    ("details", "requests"),
    [({"since_due": 0.0}, 1), ({"since_due": 3600.0}, 1), ({"since_due": 9.0, "since_wake": 0.0}, 2)],
)
async def test_a_woken_run_takes_no_reading_from_before(
    process: Process, details: dict[str, float], requests: int
) -> None:
    await process.run().graph.list(SKUS, max_age=SHARED)
    await process.run(**details).graph.list(SKUS, max_age=SHARED)
    assert await process.requests() == requests


async def test_a_run_started_later_takes_no_reading_from_before(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("task_runner.providers.access.STARTED_TOGETHER", 0.0)
    await process.run().graph.list(SKUS, max_age=SHARED)
    await process.run(since_due=0.0).graph.list(SKUS, max_age=SHARED)
    assert await process.requests() == 2


async def test_a_write_ends_the_readings_of_its_tenant(process: Process) -> None:
    await process.run().graph.list(SKUS, max_age=SHARED)
    with pytest.raises(Exception, match="GRAPH_"):
        await process.run().graph.post("/servicePrincipals", {})
    await process.run().graph.list(SKUS, max_age=SHARED)
    assert await process.requests() == 3 + 1, "a refused write renews the token and is sent again"


async def test_a_refusal_is_no_reading(process: Process) -> None:
    missing = f"{ORGANIZATION}s"
    for _ in range(2):
        with pytest.raises(Exception, match="GRAPH_NOT_FOUND"):
            await process.run().graph.get(missing, max_age=SHARED)
    assert await process.requests() == 2


async def test_evidence_names_the_version_of_each_response(process: Process) -> None:
    run = process.run()
    await run.graph.list(SKUS)
    with pytest.raises(Exception, match="GRAPH_"):
        await run.graph.get(SKUS, version="beta")
    assert provenance(run)["api_version"] == "v1.0, beta"
    assert [answer["api_version"] for answer in provenance(run)["responses"]] == ["v1.0", "beta"]
    assert provenance(run)["responses"][1]["url"].endswith("/beta/subscribedSkus")
