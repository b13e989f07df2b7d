"""The topics on the embedded broker, which forgets them whenever it ends."""

import importlib

from onboarding_shared.contracts.topics import ALL_TOPICS


async def create_topics(bootstrap_servers: str) -> None:
    """Create every topic that is missing, as the services' own `migrate` does.

    In our own process because it is quick: clients that come back first would have the broker make topics by itself,
    with its own number of partitions.
    """
    from onboarding_shared.messaging.kafka import ensure_topics
    from onboarding_shared.runtime.settings import KafkaSettings

    kafka = KafkaSettings(bootstrap_servers=bootstrap_servers, replication_factor=1, enable_idempotence=False)
    await ensure_topics(kafka, ALL_TOPICS)


def preload() -> None:
    """Import now (about a second) what `create_topics` needs, so that it is quick when the broker has come back."""
    importlib.import_module("onboarding_shared.messaging.kafka")
