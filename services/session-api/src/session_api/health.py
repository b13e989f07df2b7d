"""Readiness: the checks that this process must pass before it is given requests."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.health import HealthCheck
from session_api.store.task_types import count_task_types
from session_api.use_cases.resends import Sweeper


def readiness_checks(database: Database, relay: Relay, consumer: Consumer, sweeper: Sweeper) -> list[HealthCheck]:
    """The database, both directions of Kafka, the catalogue of task types, and the sweeper."""

    async def broker() -> Mapping[str, Any]:
        if not (relay.connected and consumer.progress.connected):
            raise ConnectionError("the broker is not reached")
        return {"lag": consumer.progress.lag}

    async def catalogue() -> Mapping[str, Any]:
        known = await database.run_single(count_task_types)
        if not known:
            raise LookupError("no runner has announced its task types yet")
        return {"task_types": known}

    return [
        HealthCheck("database", database.ping),
        HealthCheck("broker", broker),
        HealthCheck("task_types", catalogue),
        HealthCheck("sweeper", sweeper.check),
    ]
