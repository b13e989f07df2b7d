"""Variations of the embedded system for benchmarks."""

from pathlib import Path

import pytest

from onboarding_devstack.place import Place, prepare
from onboarding_devstack.system import Process, processes
from tests.bench.runs import Bench
from tests.bench.varied import Variation, varied, varied_system


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A data folder."""
    return prepare(tmp_path)


def described(place: Place, variation: Variation) -> dict[str, Process]:
    return {process.name: process for process in varied(place, variation, {"PYTHONPATH": "/tasks"})}


def test_without_variation_only_the_settings_are_added(place: Place) -> None:
    plain = {process.name: process for process in processes(place)}

    same = described(place, Variation())

    assert list(same) == list(plain)
    assert [process.command for process in same.values()] == [process.command for process in plain.values()]
    assert same["task-runner"].environment == {**plain["task-runner"].environment, "PYTHONPATH": "/tasks"}
    assert same["graph"].environment == plain["graph"].environment


def test_another_instance_has_its_own_port_and_no_migration(place: Place) -> None:
    names = described(place, Variation(instances=2))

    first, second = names["session-api"], names["session-api-2"]
    ports = [process.environment["ONBOARDING_PORT"] for process in (first, second)]
    assert ports[0] != ports[1]
    assert second.address == f"http://127.0.0.1:{ports[1]}"
    assert second.environment == {**first.environment, "ONBOARDING_PORT": ports[1]}
    assert second.setup is None
    assert "session-api" in second.needs
    assert {"task-runner-2", "evidence-store-2"} < names.keys()
    assert len(names) == 10


def test_a_slow_commit_delays_every_flush(place: Place) -> None:
    command = described(place, Variation(commit_seconds=0.01))["postgres"].command

    assert command[-2:] == ("--commit_delay=10000", "--commit_siblings=0")


def test_clients_of_kafka_reach_it_through_the_relay_alone(place: Place) -> None:
    names = described(place, Variation(instances=2, hop_seconds=0.01))

    relay = names["relay"].address
    listener = f"--listener-url=tcp://127.0.0.1:{place.ports['broker']}"
    assert names["broker"].command[-3:-1] == (listener, f"--advertised-listener-url=tcp://{relay}")
    assert relay != f"127.0.0.1:{place.ports['broker']}"
    services = [process for name, process in names.items() if name.startswith(("session", "task", "evidence"))]
    assert [process.environment["KAFKA_BOOTSTRAP_SERVERS"] for process in services] == [relay] * 6
    assert all("relay" in process.needs for process in services)


@pytest.mark.system
@pytest.mark.timeout(300)
async def test_runs_end_on_two_slow_instances() -> None:
    async with varied_system(Variation(instances=2, commit_seconds=0.01, hop_seconds=0.01)) as target:
        bench = Bench(target)
        load = await bench.round(40, 8)
        latencies = await bench.latencies(3)

    assert load.runs == 40
    assert {"relay", "session-api-2", "task-runner-2", "evidence-store-2"} < load.cpu_seconds.keys()
    # Two messages with two hops each, and four commits: of the start, the intake, the result, and the evidence.
    assert latencies[0] > 0.08
