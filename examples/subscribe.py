"""Example of a subscriber to onboarding events. Requires only aiokafka.

    KAFKA_BOOTSTRAP_SERVERS=host:port python examples/subscribe.py onboarding.operation-runs.v1 onboarding.evidence.v1

Prints one line for each event. ``--stop-after N`` ends after N events. ``--snapshot URL`` first reads the present state
of every customer from session-api at this URL, with the token in ``TOKEN``: for a subscriber that begins after the
retention of the topics has deleted events. Events of types that it does not know are passed over, and records that it
cannot read are put aside, so that neither stops the partition.
"""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin
from urllib.request import Request, urlopen

from aiokafka import AIOKafkaConsumer, ConsumerRecord

SESSION_EVENTS = (
    "SessionStarted", "SessionStepChanged", "SessionAssigned", "SessionConnectionChosen", "SessionTakenOver",
    "SessionLockChanged", "SessionCompleted", "SessionAbandoned", "ConsentRequested", "ConsentAnswered",
)  # fmt: skip
RUN_EVENTS = ("RunStarted", "RunProgressed", "RunFinished", "EvidenceRecorded")
HANDLED_TYPES = {f"org.onboarding.{name}.v1" for name in SESSION_EVENTS + RUN_EVENTS}
"""The types that this subscriber knows. A later version may add types to a topic: they are no error."""


@dataclass(frozen=True)
class Event:
    """An event: the headers that every one of them has, and its JSON."""

    tenant: str
    sequence: int
    type: str
    subject: str
    data: dict[str, Any]


def read(record: ConsumerRecord[bytes, bytes]) -> Event:
    """Read a record. Raises ``ValueError`` if it is no event."""
    try:
        attributes = {name: value.decode() for name, value in record.headers if value is not None}
        data = json.loads(record.value or b"")
        sequence = int(attributes["ce_sequence"])
        tenant, subject = attributes["ce_partitionkey"], attributes["ce_subject"]
        return Event(tenant, sequence, attributes["ce_type"], subject, {**data})
    except (KeyError, TypeError, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(repr(error)) from error


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
    """Handle a record; returns True if it was a new event."""
    try:
        event = read(record)
    except ValueError as error:
        put_aside(record, error)
        return False
    verdict = seen.verdict(event.tenant, record.topic, event.sequence)
    if verdict == "repeat":
        return False
    if verdict == "gap":
        print(f"tenant {event.tenant}: events are missing before #{event.sequence} of {record.topic}")
    if event.type in HANDLED_TYPES:  # the number of another one is used up, and that is all
        show(event)
    return True


def put_aside(record: ConsumerRecord[bytes, bytes], error: ValueError) -> None:
    """Report a record that cannot be read. A real service stores it, and goes on."""
    print(f"{record.topic} {record.partition}@{record.offset} cannot be read: {error}", file=sys.stderr)


def show(event: Event) -> None:
    """Print one line. A real service applies the event here, in the transaction that stores its number."""
    details = " ".join(str(event.data[name]) for name in ("state", "status", "reason_code") if event.data.get(name))
    name = event.type.removeprefix("org.onboarding.").removesuffix(".v1")
    print(f"tenant {event.tenant} #{event.sequence} {name} {event.subject} {details}".rstrip(), flush=True)


def customers(url: str, token: str) -> Iterator[dict[str, Any]]:
    """Every customer that the token may read, with its latest session and what runs."""
    page: str | None = f"{url}/onboarding/tenants?limit=200"
    while page is not None:
        request = Request(page, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - the address is our own
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            yield from json.load(answer)
            following = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        page = urljoin(page, following[1]) if following else None


def show_snapshot(url: str) -> None:
    """Print one line for each customer. A real service stores the state here, and then applies the events to it."""
    for customer in customers(url, os.environ["TOKEN"]):
        session = customer["session"] or {"status": "none", "current_step": "none"}
        status, step = session["status"], session["current_step"]
        print(f"tenant {customer['tenant_id']}: session {status}, step {step}", flush=True)


async def follow(topics: list[str], stop_after: int | None, snapshot: str | None) -> None:
    """Read from the first available event; commit the handled events."""
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        group_id="example-subscriber",
        auto_offset_reset="earliest",  # the default, latest, skips events older than the group
        enable_auto_commit=False,
        session_timeout_ms=6000,  # the embedded broker lets a new member wait half of it, with the default 5 s
    )
    seen = LastSeen()
    count = 0
    await consumer.start()
    try:
        if snapshot is not None:
            await asyncio.to_thread(show_snapshot, snapshot)
        while stop_after is None or count < stop_after:
            most = None if stop_after is None else stop_after - count
            for records in (await consumer.getmany(timeout_ms=1000, max_records=most)).values():
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
    options.add_argument("--snapshot", default=None, metavar="URL")
    chosen = options.parse_args()
    asyncio.run(follow(chosen.topics, chosen.stop_after, chosen.snapshot))


if __name__ == "__main__":
    main()
