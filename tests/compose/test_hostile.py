"""What attackers send inside the system of docker-compose.yml, at the memory limits with which it ships."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.test_kafka_access import TOPICS
from tests.support import hostile
from tests.support.composed import Composed, composed_system

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

HERE = Path(__file__).parent
MODULE = Path(hostile.__file__).read_text(encoding="utf-8")
RECORDS = (HERE / "hostile_client.py").read_text(encoding="utf-8")
WITH_MODULE = f"""
import sys, types
module = sys.modules["{hostile.__name__}"] = types.ModuleType("{hostile.__name__}")
exec(sys.argv.pop(1), vars(module))
exec(sys.argv.pop(1))
"""
CONNECTIONS = (HERE / "connections_client.py").read_text(encoding="utf-8")
PARTITIONS = 12
NEIGHBOURS = 24
"""So many tenants that nearly every partition has one of them."""
SERVED_SECONDS = 30.0
SERVICES = ["session-api", "task-runner", "evidence-store"]
READ_BY_OTHERS = ["onboarding.operation-runs.v1", "onboarding.task-commands.v1", "onboarding.task-types.v1",
                  "onboarding.evidence.v1"]  # fmt: skip
SECRETS = ["file:/proc/kmsg", "file:/proc/self/environ", "env:DATABASE_URL_FILE", "/run/onboarding/kafka-password"]


@pytest.fixture(scope="module")
def one_system() -> Iterator[Composed]:
    """A system of these tests alone, because other clients of Kafka cannot read what they leave in its topics."""
    with composed_system() as system:
        yield system


def killed_for_memory(system: Composed) -> set[str]:
    return {name for name, container in system.containers().items() if container["State"]["OOMKilled"]}


async def serve_neighbours(system: Composed) -> list[str]:
    """A check for each of many new tenants, all at once; returns the verdicts in their evidence."""

    async def check() -> str:
        async with system.caller() as caller:
            await caller.connect("healthy")
            run_id = await caller.start("graph.connectivity")
            return str((await caller.evidence(run_id, seconds=SERVED_SECONDS))["status"])

    return list(await asyncio.gather(*(check() for _ in range(NEIGHBOURS))))


@pytest.mark.parametrize("topic", READ_BY_OTHERS)
async def test_hostile_records_of_a_publisher_stop_no_partition(system: Composed, topic: str) -> None:
    before, publisher = system.restarts(), TOPICS[topic]
    taken = json.loads(
        system.python_beside(
            "messages", "-c", WITH_MODULE, MODULE, RECORDS, publisher, system.kafka_password(publisher), topic,
            str(PARTITIONS),
        )
    )  # fmt: skip
    assert taken["header name"] == taken["forged"] == taken["sequence outside the window"] == PARTITIONS
    assert taken["gzip bomb"] == 0, "topics are uncompressed, so Kafka measures what a consumer would hold"

    assert await serve_neighbours(system) == ["ok"] * NEIGHBOURS
    assert (system.restarts(), killed_for_memory(system)) == (before, set())


@pytest.mark.parametrize("service", SERVICES)
async def test_silent_connections_leave_room_for_others(system: Composed, service: str) -> None:
    before = system.restarts()
    holding = asyncio.create_task(
        asyncio.to_thread(system.python_beside, "default", "-c", CONNECTIONS, "silent", "1000", service, "8000")
    )
    await asyncio.sleep(5)
    assert not holding.done()
    assert await serve_neighbours(system) == ["ok"] * NEIGHBOURS
    await holding
    await system.wait_healthy()
    assert system.restarts() == before


@pytest.mark.parametrize("service", SERVICES)
def test_an_endless_header_is_refused(system: Composed, service: str) -> None:
    before = system.restarts()
    arguments = ["header", str(320_000_000), service, "8000"]
    lines = system.python_beside("default", "-c", CONNECTIONS, *arguments).splitlines()
    assert json.loads(lines[-1]).startswith("HTTP/1.1 431 ")
    assert (system.restarts(), killed_for_memory(system)) == (before, set())


@pytest.mark.parametrize("credential", SECRETS)
async def test_files_and_variables_are_no_credentials(system: Composed, credential: str) -> None:
    async with system.caller() as caller:
        answer = await caller.post(
            "/provider-connections",
            json={
                "display_name": "Somebody's secrets",
                "external_tenant_id": caller.external_tenant,
                "client_id": "66666666-7777-4888-9999-aaaaaaaaaaaa",
                "credential_ref": credential,
            },
        )
    assert answer.status_code == 400, answer.text
