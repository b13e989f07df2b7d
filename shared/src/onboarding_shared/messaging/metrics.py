"""Metrics of the messaging layer. Labels never contain a tenant id, to bound their number."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import Counter

from onboarding_shared.contracts import service_states
from onboarding_shared.telemetry.metrics import Gauge

PUBLISHED = Counter("onboarding_messages_published_total", "Messages that Kafka acknowledged", ["topic"])
PUBLISH_FAILURES = Counter("onboarding_publish_failures_total", "Batches whose fate is unknown; they are sent again")
RELAY_FAILURES = Counter("onboarding_relay_failures_total", "Failed iterations of the relay; each is retried")
LATE_RELAYS = Counter("onboarding_late_relays_total", "Batches of a relay that had lost its lease meanwhile")
APPLIED = Counter("onboarding_messages_applied_total", "Messages applied", ["topic"])
PASSED_OVER = Counter(
    "onboarding_messages_passed_over_total", "Messages of types that this version does not know", ["topic"]
)
REPEATS = Counter("onboarding_messages_repeated_total", "Messages dropped as repeated or out of date")
GAPS = Counter("onboarding_message_gaps_total", "Messages missing in a tenant's sequence")
JUMPS = Counter("onboarding_sequence_jumps_total", "Messages refused: too many before them are missing", ["topic"])
DEAD_LETTERS = Counter("onboarding_dead_letters_total", "Records put aside", ["topic", "reason"])
DEAD_LETTERS_REMOVED = Counter(
    "onboarding_dead_letters_removed_total", "Dead letters removed because they were too old or too many"
)
SWEEP_FAILURES = Counter("onboarding_dead_letter_sweep_failures_total", "Failed removals; each is retried")
CONSUMER_RETRIES = Counter("onboarding_consumer_retries_total", "Batches tried again after a passing fault", ["group"])
CONSUMER_REBUILDS = Counter(
    "onboarding_consumer_rebuilds_total", "Consumers replaced because they were stuck", ["group"]
)

OUTBOX_MESSAGES = Gauge(service_states.OUTBOX_MESSAGES, "Messages in the outbox; 10000 = that or more")
OUTBOX_AGE = Gauge(
    service_states.OUTBOX_AGE_SECONDS, "How long the oldest message waits to be published; 0 = none waits"
)
DEAD_LETTERS_KEPT = Gauge(
    service_states.DEAD_LETTERS_KEPT, "Dead letters neither replayed nor discarded; 10000 = that or more"
)
RELAY_UP = Gauge("onboarding_relay_up", "Whether messages get out: Kafka was reached, or another instance publishes")
RELAY_ACTIVE = Gauge(service_states.RELAY_ACTIVE, "Whether this instance is the one that publishes")
CONSUMER_UP = Gauge(service_states.CONSUMER_UP, "Whether the consumer is connected to Kafka and not stuck")
CONSUMER_LAG = Gauge(
    service_states.CONSUMER_LAG_MESSAGES, "Messages in this process's partitions that it has not read yet", "topic"
)
CONSUMER_STILL = Gauge(
    "onboarding_consumer_still_seconds", "How long messages have waited without one being applied; 0 = none waits"
)
CONNECTIONS = Gauge("onboarding_database_connections", "Pooled connections to the database", "state")

PROCESS_GAUGES = (RELAY_UP, RELAY_ACTIVE, CONSUMER_UP, CONSUMER_LAG, CONSUMER_STILL, CONNECTIONS)
"""The gauges that each process measures itself."""


def count_by(counter: Counter, labels: Iterable[str]) -> None:
    """Add 1 per occurrence of each label, with one call per distinct label."""
    for label, count in Tally(labels).items():
        counter.labels(label).inc(count)
