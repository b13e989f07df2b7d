"""The gauges of one process that need no question to anybody: its relay, its consumer, its pool of connections."""

from collections.abc import Iterator

from sqlalchemy.pool import QueuePool

from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.runtime.metrics import Live, Reading


def process_gauges(database: Database, relay: Relay, consumer: Consumer) -> Live:
    """What every service shows of itself."""

    def look() -> Iterator[Reading]:
        progress = consumer.progress
        yield Reading(metrics.RELAY_UP, float(relay.connected))
        yield Reading(metrics.RELAY_ACTIVE, float(relay.connected and not relay.standing_by))
        yield Reading(metrics.CONSUMER_UP, float(progress.connected))
        yield Reading(metrics.CONSUMER_STILL, progress.seconds_still)
        for topic, lag in progress.lags.items():
            yield Reading(metrics.CONSUMER_LAG, float(lag), topic)
        pool = database.engine.pool
        if isinstance(pool, QueuePool):
            yield Reading(metrics.CONNECTIONS, float(pool.checkedout()), "in use")
            yield Reading(metrics.CONNECTIONS, float(pool.checkedin()), "idle")

    return Live(metrics.PROCESS_GAUGES, look)
