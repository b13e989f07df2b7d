"""Readiness checks of the process."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.readiness import dependency_checks
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.health import HealthCheck, NotReady
from task_runner.worker.isolation import Isolation
from task_runner.worker.worker import Worker


def readiness_checks(
    database: Database, relay: Relay, consumer: Consumer, worker: Worker, isolation: Isolation | None
) -> list[HealthCheck]:
    """The database, both directions of Kafka, and the background loops of the worker."""

    async def check_worker() -> Mapping[str, Any]:
        stalled = [*worker.stalled_loops(), *(isolation.stalled_loops() if isolation else ())]
        if stalled:
            raise NotReady(f"These loops of the worker are stalled: {', '.join(stalled)}.")
        return {"under_way": len(worker.pool.attempts()), "loops": len(worker.loops)}

    return [*dependency_checks(database, relay, consumer), HealthCheck("worker", check_worker)]
