"""Many callers at the same moment: one run, one session, one winner."""

import asyncio
import uuid
from collections import Counter

import pytest

from tests.support.caller import Caller
from tests.support.system import System

pytestmark = pytest.mark.system


async def test_a_hundred_identical_starts_make_one_run_and_one_item_of_evidence(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=2.0)
        answers = await asyncio.gather(*(caller.post("/tasks/graph.connectivity/runs") for _ in range(100)))

        assert Counter(answer.status_code for answer in answers) == {201: 100}
        assert Counter(answer.json()["outcome"] for answer in answers) == {"created": 1, "reused": 99}
        (run_id,) = {answer.json()["run_id"] for answer in answers}
        await caller.ended(run_id)
        await caller.evidence(run_id)
        for database, table in (("session_api", "operation_runs"), ("task_runner", "executions")):
            query = f"SELECT count(*) FROM {table} WHERE tenant_id = $1"
            assert await system.value(database, query, caller.tenant) == 1, table
        assert len((await caller.get("/evidence")).json()) == 1


async def test_an_exclusive_and_a_shared_task_at_once_make_one_run_and_one_refusal(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=1.0)
        answers = await asyncio.gather(
            caller.post("/tasks/graph.connectivity/runs"), caller.post("/tasks/example.upkeep/runs")
        )
        won, refused = sorted(answers, key=lambda response: response.status_code)

        assert (won.status_code, refused.status_code) == (201, 409)
        winner = "graph.connectivity" if won is answers[0] else "example.upkeep"
        run_id = won.json()["run_id"]
        body = refused.json()
        assert body["code"] == "BLOCKED_BY_RUN"
        assert (body["blocking_run"]["run_id"], body["blocking_run"]["task_type"]) == (run_id, winner)
        assert winner in body["error"]
        assert body["blocking_run"]["since"].endswith("Z")
        assert body["blocking_run"]["url"] == won.json()["url"]
        assert 1 <= int(refused.headers["retry-after"]) <= 30


async def test_the_guard_is_free_once_the_exclusive_run_ends(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=0.5)
        first = await caller.start("example.upkeep")
        assert (await caller.post("/tasks/graph.connectivity/runs")).status_code == 409
        await caller.ended(first)

        assert (await caller.post("/tasks/graph.connectivity/runs")).json()["outcome"] == "created"


async def test_exclusive_tasks_of_different_connections_do_not_exclude_each_other(system: System) -> None:
    async with system.caller() as caller:
        connections = []
        for number in range(2):
            caller.external_tenant = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{caller.tenant}-{number}.customers.test"))
            connections.append(await caller.connect("slow", delay_seconds=0.5))
        answers = [
            await caller.post("/tasks/example.upkeep/runs", json={"provider_connection_id": connection})
            for connection in connections
        ]

        assert [(answer.status_code, answer.json()["outcome"]) for answer in answers] == [(201, "created")] * 2


async def test_shared_tasks_run_concurrently_and_exclusive_ones_are_refused(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=1.0)
        shared = [await caller.start(name) for name in ("graph.connectivity", "license.inventory")]
        refused = await caller.post("/tasks/example.upkeep/runs")

        assert refused.status_code == 409
        assert refused.json()["blocking_run"]["run_id"] in shared


async def test_fifty_callers_open_one_session(system: System) -> None:
    async with system.caller() as caller:
        answers = await asyncio.gather(*(caller.post("/session") for _ in range(50)))

        assert Counter(answer.status_code for answer in answers) == {201: 50}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert await _sessions(system, caller) == 1


async def test_one_of_fifty_users_holds_the_lock_of_the_session(system: System) -> None:
    async with system.caller() as first:
        users = [system.caller(first.tenant, user=100 + number) for number in range(50)]
        answers = await asyncio.gather(*(user.post("/session") for user in users))
        holders = {answer.json()["locked_by_user_id"] for answer in answers}
        for user in users:
            await user.http.aclose()

        assert Counter(answer.status_code for answer in answers) == {201: 50}
        assert len(holders) == 1
        assert await _sessions(system, first) == 1


async def _sessions(system: System, caller: Caller) -> int:
    query = "SELECT count(*) FROM onboarding_sessions WHERE tenant_id = $1"
    return int(await system.value("session_api", query, caller.tenant))
