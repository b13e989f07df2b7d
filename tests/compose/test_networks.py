"""The addresses that a container of compose reaches, and those that it does not."""

import asyncpg
import httpx2
import pytest

from tests.support.composed import Composed

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

SERVICES = ("session-api", "task-runner", "evidence-store")
ROLES = ("session_api", "task_runner", "evidence_store")
CONNECT = """
import socket, sys
for place in sys.argv[1:]:
    host, port = place.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        print("open")
    except OSError:
        print("closed")
"""
METRICS = """
import sys, urllib.request
for name in sys.argv[1:]:
    print(urllib.request.urlopen(f"http://{name}:9000/metrics", timeout=5).status)
"""


def addresses(system: Composed, name: str, port: int) -> list[str]:
    """A container's name and its addresses in all networks, each with a port."""
    networks = system.containers()[name]["NetworkSettings"]["Networks"].values()
    return [f"{host}:{port}" for host in (name, *(network["IPAddress"] for network in networks))]


def reached(system: Composed, network: str, places: list[str]) -> list[str]:
    return system.python_beside(network, "-c", CONNECT, *places).split()


def test_the_emulator_and_dashboards_reach_no_engine(system: Composed) -> None:
    places = [*addresses(system, "postgres", 5432), *addresses(system, "kafka", 9092)]
    assert len(places) >= 4
    assert reached(system, "default", places) == ["closed"] * len(places)


def test_tools_reach_their_own_engine_only(system: Composed) -> None:
    assert reached(system, "databases", ["postgres:5432", *addresses(system, "kafka", 9092)])[:2] == ["open", "closed"]
    assert reached(system, "messages", ["kafka:9092", *addresses(system, "postgres", 5432)])[:2] == ["open", "closed"]


def test_the_networks_of_the_engines_have_no_way_out(system: Composed) -> None:
    (gateway,) = {
        network["Gateway"] for network in system.containers()["graph"]["NetworkSettings"]["Networks"].values()
    }
    for network in ("databases", "messages"):
        assert (
            reached(system, network, [f"{gateway}:{system.url.rsplit(':', 1)[1]}", "192.0.2.1:443"]) == ["closed"] * 2
        )


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_connects_to_no_database_but_its_own(system: Composed, role: str) -> None:
    for database in {*ROLES, "postgres", "template1"} - {role}:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await system.rows(role, "SELECT 1", database=database)
    assert await system.value(role, "SELECT 1") == 1


async def test_health_and_metrics_are_inside_the_network_only(system: Composed) -> None:
    async with httpx2.AsyncClient() as client:
        pages = [(await client.get(f"{system.url}{path}")).status_code for path in ("/health/ready", "/metrics")]
    assert pages == [404, 404]
    assert system.python_beside("default", "-c", METRICS, *SERVICES).split() == ["200"] * 3
