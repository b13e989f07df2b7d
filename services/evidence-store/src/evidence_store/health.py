"""Readiness checks of the process."""

from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.readiness import dependency_checks
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.health import HealthCheck


def readiness_checks(database: Database, relay: Relay, consumer: Consumer) -> list[HealthCheck]:
    """The database and both directions of Kafka: evidence-store has no background loop of its own."""
    return dependency_checks(database, relay, consumer)
