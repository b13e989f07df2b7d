"""Example of a subscriber to onboarding events. Requires only aiokafka.

    KAFKA_BOOTSTRAP_SERVERS=host:port python examples/subscribe.py onboarding.operation-runs.v1 onboarding.evidence.v1

Prints one line for each event. ``--stop-after N`` ends after N events.
"""

import argparse
import asyncio
import json
import os
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord


class LastSeen:
    """The last sequence number of each tenant and topic.

    A real service stores these numbers in its database, in the transaction that applies the event.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], int] = {}

    def verdict(self, tenant: str, topic: str, sequence: int) -> str:
        """``new``, ``repeat`` (drop it), or ``gap`` (apply it; earlier events are missing)."""
        last = self._last.get((tenant, topic))
        if last is not None and sequence <= last:
            return "repeat"
        self._last[tenant, topic] = sequence
        return "new" if last is None or sequence == last + 1 else "gap"


def handle(record: ConsumerRecord[bytes, bytes], seen: LastSeen) -> bool:
    """Handle an event; returns True if it was new."""
    attributes = {name: value.decode() for name, value in record.headers if value is not None}
    tenant, sequence = attributes["ce_partitionkey"], int(attributes["ce_sequence"])
    verdict = seen.verdict(tenant, record.topic, sequence)
    if verdict == "repeat":
        return False
    if verdict == "gap":
        print(f"tenant {tenant}: events are missing before #{sequence} of {record.topic}")
    event: dict[str, Any] = json.loads(record.value or b"{}")
    details = " ".join(str(event[name]) for name in ("state", "status", "reason_code") if event.get(name))
    print(f"tenant {tenant} #{sequence} {event['type']} {attributes['ce_subject']} {details}".rstrip(), flush=True)
    return True


async def follow(topics: list[str], stop_after: int | None) -> None:
    """Read from the first available event; commit the handled events."""
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        group_id="example-subscriber",
        auto_offset_reset="earliest",  # the default, latest, skips events older than the group
        enable_auto_commit=False,
    )
    seen = LastSeen()
    count = 0
    await consumer.start()
    try:
        while stop_after is None or count < stop_after:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    count += handle(record, seen)
            await consumer.commit()
    finally:
        await consumer.stop()


def main() -> None:
    """Parse the command line and follow the topics."""
    options = argparse.ArgumentParser(description="Follow onboarding events.")
    options.add_argument("topics", nargs="+")
    options.add_argument("--stop-after", type=int, default=None, metavar="N")
    chosen = options.parse_args()
    asyncio.run(follow(chosen.topics, chosen.stop_after))


if __name__ == "__main__":
    main()
