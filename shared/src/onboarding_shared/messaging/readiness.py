"""The readiness checks that every service has: its database and both directions of Kafka."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.write_probe import WriteProbe
from onboarding_shared.telemetry.health import HealthCheck, NotReady


def dependency_checks(database: Database, relay: Relay, consumer: Consumer) -> list[HealthCheck]:
    """Checks named ``database``, ``relay`` and ``consumer``. That of the database commits a write now and then."""

    async def check_relay() -> Mapping[str, Any]:
        # The relay of a standby instance has no connection of its own: the lease holder publishes.
        if not relay.connected:
            raise NotReady("The relay has no connection to Kafka.")
        return {"standing_by": relay.standing_by}

    async def check_consumer() -> Mapping[str, Any]:
        progress = consumer.progress
        if not progress.connected:
            raise NotReady("The consumer has no connection to Kafka.")
        return {"lag": progress.lag, "seconds_still": round(progress.seconds_still, 1)}

    return [
        HealthCheck("database", WriteProbe(database).check),
        HealthCheck("relay", check_relay),
        HealthCheck("consumer", check_consumer),
    ]
