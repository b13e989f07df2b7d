"""Readiness checks of the process."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.health import HealthCheck


class NotReadyError(Exception):
    """The process is not ready; the text names the reason."""


def readiness_checks(database: Database, relay: Relay, consumer: Consumer) -> list[HealthCheck]:
    """The database, and both directions of Kafka."""

    async def ask_database() -> None:
        await database.ping()

    async def ask_relay() -> Mapping[str, Any]:
        # Where another instance publishes, this one's relay waits for its lease, without a connection of its own.
        if not relay.connected:
            raise NotReadyError("The relay has no connection to Kafka.")
        return {"standing_by": relay.standing_by}

    async def ask_consumer() -> Mapping[str, Any]:
        progress = consumer.progress
        if not progress.connected:
            raise NotReadyError("The consumer has no connection to Kafka.")
        return {"lag": progress.lag, "seconds_still": round(progress.seconds_still, 1)}

    return [
        HealthCheck("database", ask_database),
        HealthCheck("relay", ask_relay),
        HealthCheck("consumer", ask_consumer),
    ]
