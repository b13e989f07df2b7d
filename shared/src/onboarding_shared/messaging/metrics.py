"""What the messaging layer counts. Labels never carry a tenant id: their number must stay small."""

from prometheus_client import Counter

PUBLISHED = Counter("onboarding_messages_published_total", "Messages that Kafka acknowledged", ["topic"])
PUBLISH_FAILURES = Counter("onboarding_publish_failures_total", "Batches whose fate is unknown; they are sent again")
LATE_RELAYS = Counter("onboarding_late_relays_total", "Batches of a relay that had lost its lease meanwhile")
APPLIED = Counter("onboarding_messages_applied_total", "Messages applied", ["topic"])
REPEATS = Counter("onboarding_messages_repeated_total", "Messages dropped as repeated or out of date")
GAPS = Counter("onboarding_message_gaps_total", "Messages missing in a tenant's sequence")
DEAD_LETTERS = Counter("onboarding_dead_letters_total", "Records put aside", ["topic", "reason"])
CONSUMER_RETRIES = Counter("onboarding_consumer_retries_total", "Batches tried again after a passing fault", ["group"])
CONSUMER_REBUILDS = Counter(
    "onboarding_consumer_rebuilds_total", "Consumers replaced because they stood still", ["group"]
)
