"""Readiness checks of the process."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.readiness import dependency_checks
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.health import HealthCheck, NotReady
from session_api.store.task_types import count_task_types
from session_api.use_cases.resends import Sweeper


def readiness_checks(database: Database, relay: Relay, consumer: Consumer, sweeper: Sweeper) -> list[HealthCheck]:
    """The database, both directions of Kafka, the catalogue of task types, and the sweeper."""

    async def check_task_types() -> Mapping[str, Any]:
        known = await database.run_single(count_task_types)
        if not known:
            raise NotReady("No runner has announced its task types yet.")
        return {"task_types": known}

    return [
        *dependency_checks(database, relay, consumer),
        HealthCheck("task_types", check_task_types),
        HealthCheck("sweeper", sweeper.check),
    ]
