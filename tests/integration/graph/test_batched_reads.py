"""Several reads in one request, over HTTP: order, pages, refusals, retries, and what the evidence says."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import CannotTell, TaskContext
from task_runner.tasks.graph import SHARED, Read
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
ORGANIZATION = Read(path="/organization", permission="Organization.Read.All")
USERS = Read(path="/users", params={"$select": "id"}, permission="User.Read.All")
DEFAULTS = Read(path="/policies/identitySecurityDefaultsEnforcementPolicy", permission="Policy.Read.All")
NOTHING = Read(path="/users/ffffffff-0000-4000-8000-000000000001", permission="User.Read.All")
REPORT = Read(path="/reports/authenticationMethods/userRegistrationDetails", permission="AuditLog.Read.All")
BATCH = "POST /v1.0/$batch"


class Process:
    """A process, and the server that it reads."""

    def __init__(self, server: GraphServer, providers: Providers) -> None:
        self.server = server
        self._providers = providers

    def run(self) -> TaskContext:
        return self._providers.context_for(
            tenant_id=1, run_id=1, attempt=1, connection=connection_to(TENANT), deadline=time.monotonic() + 30.0
        )


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    monkeypatch.setenv(CREDENTIAL_NAME, CREDENTIAL)
    async with graph_server() as server:
        await server.tell(TENANT)
        settings = ProviderSettings(graph_url=server.url, login_url=server.url, credentials=CREDENTIALS)
        async with Providers(settings, bindings=EveryTenant()) as providers:
            yield Process(server, providers)


def statuses(run: TaskContext) -> list[tuple[str, int]]:
    record: Any = run.graph.record
    return [(answer.url.partition("/v1.0")[2], answer.status) for answer in record.responses]


async def test_each_read_gets_what_it_would_get_alone(process: Process) -> None:
    run = process.run()
    read: Any = await run.graph.read_many([DEFAULTS, USERS, ORGANIZATION])
    alone = await run.graph.get(DEFAULTS.path), await run.graph.list(USERS.path, USERS.params)

    assert read[0] == alone[0]
    assert tuple(read[1]["value"]) == alone[1]
    assert read[2]["value"][0]["id"] == TENANT
    assert await process.server.requested(TENANT) == [
        BATCH,
        *([f"GET /v1.0/users?$select=id&$skiptoken={skip}" for skip in range(2, len(alone[1]), 2)]),
        f"GET /v1.0{DEFAULTS.path}",
        "GET /v1.0/users?%24select=id",
        *([f"GET /v1.0/users?$select=id&$skiptoken={skip}" for skip in range(2, len(alone[1]), 2)]),
    ]


async def test_following_pages_are_read_with_the_headers_of_the_first(process: Process) -> None:
    group = "06f44db1-b5e0-51e6-90e1-6fb982f540eb"
    path = f"/groups/{group}/transitiveMembers/microsoft.graph.user"
    await process.server.tell(TENANT, overrides={path: [{"id": str(number)} for number in range(5)]})
    members = Read(
        path=path,
        params={"$select": "id", "$count": "true"},
        headers={"ConsistencyLevel": "eventual"},
        permission="GroupMember.Read.All",
    )
    read: Any = await process.run().graph.read_many([members, ORGANIZATION])
    assert [item["id"] for item in read[0]["value"]] == ["0", "1", "2", "3", "4"]


async def test_one_read_is_no_batch_and_none_is_no_request(process: Process) -> None:
    assert await process.run().graph.read_many([]) == ()
    await process.run().graph.read_many([ORGANIZATION])
    assert await process.server.requested(TENANT) == ["GET /v1.0/organization"]


async def test_a_batch_has_twenty_requests_at_most(process: Process) -> None:
    read = await process.run().graph.read_many([ORGANIZATION] * 45)
    assert len(read) == 45
    assert await process.server.requested(TENANT) == [BATCH] * 3


async def test_a_refused_read_stands_beside_the_others(process: Process) -> None:
    await process.server.tell(TENANT, unlicensed=["report"])
    run = process.run()
    missing, organization, unlicensed = await run.graph.read_many([NOTHING, ORGANIZATION, REPORT])

    assert isinstance(missing, CannotTell) and missing.reason_code == "GRAPH_NOT_FOUND"
    assert isinstance(unlicensed, CannotTell) and unlicensed.reason_code == "NOT_LICENSED"
    assert isinstance(organization, dict)
    assert (NOTHING.path, 404) in statuses(run) and (ORGANIZATION.path, 200) in statuses(run)


async def test_a_missing_permission_is_asked_for_with_a_new_token(process: Process) -> None:
    await process.server.tell(TENANT, granted=["Organization.Read.All"])
    run = process.run()
    await run.graph.list("/organization")
    await process.server.tell(TENANT, granted=["Organization.Read.All", "Policy.Read.All"])
    defaults, users = await run.graph.read_many([DEFAULTS, USERS])

    assert isinstance(defaults, dict)
    assert isinstance(users, CannotTell) and users.payload["missing_permission"] == "User.Read.All"


async def test_only_the_throttled_request_of_a_batch_is_repeated(process: Process) -> None:
    await process.server.tell(TENANT, conditional_access_rate=1, page_size=50)
    policies = Read(path="/identity/conditionalAccess/policies", permission="Policy.Read.All")
    run = process.run()
    first, organization, second = await run.graph.read_many([policies, ORGANIZATION, policies])

    assert first == second and isinstance(organization, dict)
    assert await process.server.requested(TENANT) == [BATCH, BATCH]
    assert sorted(status for _, status in statuses(run)) == [200, 200, 200, 429]


async def test_a_throttled_batch_is_repeated_as_a_whole(process: Process) -> None:
    await process.server.tell(TENANT, "throttling", times=1, retry_after=0.2)
    run = process.run()
    assert all(isinstance(body, dict) for body in await run.graph.read_many([ORGANIZATION, DEFAULTS]))
    assert statuses(run) == [("/$batch", 429), (ORGANIZATION.path, 200), (DEFAULTS.path, 200)]


async def test_an_equal_batch_of_another_run_is_shared(process: Process) -> None:
    runs = [process.run(), process.run()]
    read = [await run.graph.read_many([USERS, ORGANIZATION], max_age=SHARED) for run in runs]
    requested = await process.server.requested(TENANT)

    assert read[0] == read[1]
    assert requested.count(BATCH) == 1
    assert [answer.shared for answer in runs[1].graph.record.responses] == [True] * (len(requested) + 1)  # type: ignore[attr-defined]


async def test_evidence_has_the_requests_of_a_batch_as_if_alone(process: Process) -> None:
    run = process.run()
    await run.graph.read_many([ORGANIZATION, DEFAULTS])
    organization, defaults = run.graph.record.as_payload()["responses"]

    assert (organization["method"], organization["permission"]) == ("GET", "Organization.Read.All")
    assert organization["body_sha256"] != defaults["body_sha256"]
    assert organization["request_id"] != defaults["request_id"]
