"""The three services on Apache Kafka with logins and no more rights than the table of `kafka_access`."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from onboarding_devstack.cli.report import TerminalReport
from onboarding_devstack.engines.chosen import Engines
from onboarding_devstack.engines.kafka_access import GROUPS
from onboarding_devstack.journal import Journal
from onboarding_devstack.logs import LogFiles
from onboarding_devstack.place import prepare
from onboarding_devstack.supervisor import Supervisor
from onboarding_devstack.system import processes
from tests.support import engines
from tests.support.secured_kafka import secured_kafka
from tests.support.system import System

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(engines.chosen().name != "kafka", reason="needs Java and the jars: make test-kafka"),
]


@pytest.fixture
async def secured_system(tmp_path: Path) -> AsyncIterator[System]:
    with secured_kafka() as kafka:
        kafka.give_rights()
        place = prepare(tmp_path, Engines(broker=kafka.address))
        secured = tuple(
            replace(process, environment={**process.environment, **kafka.variables(process.name)})
            if process.name in GROUPS
            else process
            for process in processes(place)
        )
        supervisor = Supervisor(secured, Journal(place), TerminalReport(LogFiles(place.logs), show_logs=False))
        try:
            await supervisor.start()
            yield System(tmp_path)
        finally:
            await supervisor.stop()


async def test_a_run_becomes_evidence_under_access_rights(secured_system: System) -> None:
    async with secured_system.caller() as caller:
        await caller.connect("healthy")
        run = await caller.start("graph.connectivity")
        assert (await caller.ended(run))["result"]["status"] == "ok"
        await caller.evidence(run)
    for service in GROUPS:
        assert "AuthorizationFailed" not in secured_system.log(service)
