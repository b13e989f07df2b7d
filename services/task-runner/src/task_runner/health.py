"""Readiness checks of the process."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.health import HealthCheck
from task_runner.worker.worker import Worker


class NotReadyError(Exception):
    """The process is not ready; the text names the reason."""


def readiness_checks(database: Database, relay: Relay, consumer: Consumer, worker: Worker) -> list[HealthCheck]:
    """Database, both directions of Kafka, and the worker's own loops."""

    async def ask_database() -> None:
        await database.ping()

    async def ask_relay() -> None:
        if not relay.connected:
            raise NotReadyError("The relay has no connection to Kafka.")

    async def ask_consumer() -> Mapping[str, Any]:
        progress = consumer.progress
        if not progress.connected:
            raise NotReadyError("The consumer has no connection to Kafka.")
        return {"lag": progress.lag, "seconds_still": round(progress.seconds_still, 1)}

    async def ask_worker() -> Mapping[str, Any]:
        stalled = worker.stalled_loops()
        if stalled:
            raise NotReadyError(f"These loops of the worker stand still: {', '.join(stalled)}.")
        return {"under_way": len(worker.pool.attempts()), "loops": len(worker.loops)}

    return [
        HealthCheck("database", ask_database),
        HealthCheck("relay", ask_relay),
        HealthCheck("consumer", ask_consumer),
        HealthCheck("worker", ask_worker),
    ]
