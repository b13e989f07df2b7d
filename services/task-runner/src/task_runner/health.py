"""Readiness checks of the process."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.readiness import dependency_checks
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.health import HealthCheck, NotReady
from task_runner.tasks.registry import Installed
from task_runner.worker.isolation import Isolation
from task_runner.worker.worker import Worker


def readiness_checks(
    database: Database, relay: Relay, consumer: Consumer, worker: Worker, isolation: Isolation | None, found: Installed
) -> list[HealthCheck]:
    """The database, both directions of Kafka, the background loops of the worker, and the installed tasks.

    A task package that cannot be used leaves the runner ready for the tasks of all others; the check says what is
    missing and why.
    """

    async def check_worker() -> Mapping[str, Any]:
        stalled = [*worker.stalled_loops(), *(isolation.stalled_loops() if isolation else ())]
        if stalled:
            raise NotReady(f"These loops of the worker are stalled: {', '.join(stalled)}.")
        return {"under_way": len(worker.pool.attempts()), "loops": len(worker.loops)}

    async def check_tasks() -> Mapping[str, Any]:
        return {"installed": len(found.tasks), "problems": [unusable.problem for unusable in found.problems]}

    return [
        *dependency_checks(database, relay, consumer),
        HealthCheck("worker", check_worker),
        HealthCheck("tasks", check_tasks),
    ]
