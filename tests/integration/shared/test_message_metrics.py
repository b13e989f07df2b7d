"""The metrics of the messaging layer, and the detection of a stuck consumer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.session_api import SessionStarted
from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging import progress
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.kafka import make_producer
from onboarding_shared.messaging.metrics_page import BacklogRows, process_gauges
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.telemetry import metrics
from onboarding_shared.telemetry.metrics import Backlog, MetricsPage
from onboarding_shared.web.app import ApiDescription, build_http
from tests.support.engines import kafka_broker, kafka_settings
from tests.support.scraped import Scraped, scrape
from tests.support.waiting import eventually


class Loopback:
    """One service that consumes its own messages, with its metrics page."""

    def __init__(self, database: Database, kafka: KafkaSettings) -> None:
        self.database = database
        self.kafka = kafka
        self.relay = Relay(database, kafka, source=SESSIONS.source, topics=[SESSIONS])
        self.outbox = Outbox(self.relay.hand_over)
        self.applied = 0
        self.consumer = Consumer(kafka, database, self.outbox, group="metrics", applies={SESSIONS: self._apply})
        rows = BacklogRows(database)
        page = MetricsPage(
            "test",
            "1",
            parts=[process_gauges(database, self.relay, self.consumer)],
            backlog=Backlog(rows.gauges, rows.read),
        )
        self.http = build_http(ApiDescription(title="test"), authenticator=None, metrics=page)

    async def _apply(self, connection: AsyncConnection, messages: Sequence[Received]) -> None:
        self.applied += len(messages)

    async def send(self, *session_ids: int) -> None:
        async with self.database.transaction() as connection:
            await self.outbox.append(
                connection,
                [SessionStarted(tenant_id=4, session_id=session_id, by_user_id=7) for session_id in session_ids],
            )

    async def value(self, name: str, **labels: str) -> float | None:
        return (await scrape(self.http)).value(name, **labels)


@pytest.fixture
async def loopback(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Loopback]:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    with kafka_broker() as address:
        loopback = Loopback(database, kafka_settings(address))
        yield loopback
        await loopback.consumer.stop()
        await loopback.relay.stop()


async def test_the_outbox_gauges_count_until_the_relay_has_published(loopback: Loopback) -> None:
    before = await scrape(loopback.http)
    await loopback.send(1, 2, 3)
    waiting = await scrape(loopback.http)
    assert waiting.value("onboarding_outbox_messages") == 3
    assert (waiting.value("onboarding_outbox_age_seconds") or 0) > 0
    assert waiting.value("onboarding_relay_up") == 0
    await loopback.relay.start()
    await eventually(lambda: loopback.value("onboarding_outbox_messages"), equals=0.0)
    after = await scrape(loopback.http)
    assert after.value("onboarding_outbox_age_seconds") == 0
    assert (after.value("onboarding_relay_up"), after.value("onboarding_relay_active")) == (1, 1)
    assert grown(before, after, "onboarding_messages_published_total", topic=SESSIONS.name) == 3


async def test_what_is_applied_repeated_missing_and_put_aside_is_counted(loopback: Loopback) -> None:
    await loopback.relay.start()
    await eventually(lambda: loopback.relay.connected)
    before = await scrape(loopback.http)
    producer = make_producer(loopback.kafka)
    await producer.start()
    for sent in (record(1), record(1), record(4), record(5) | {"value": b"nonsense"}):
        await producer.send_and_wait(**sent)
    await producer.stop()
    await loopback.consumer.start()
    dead = {"topic": SESSIONS.name, "reason": "DATA_NOT_JSON"}

    async def all_counted() -> bool:
        now = await scrape(loopback.http)
        applied = grown(before, now, "onboarding_messages_applied_total", topic=SESSIONS.name)
        return applied >= 2 and grown(before, now, "onboarding_dead_letters_total", **dead) >= 1

    await eventually(all_counted)
    after = await scrape(loopback.http)
    assert grown(before, after, "onboarding_messages_applied_total", topic=SESSIONS.name) == 2
    assert grown(before, after, "onboarding_messages_repeated_total") == 1
    assert grown(before, after, "onboarding_message_gaps_total") == 2
    assert grown(before, after, "onboarding_dead_letters_total", **dead) == 1


async def test_a_consumer_that_lives_but_stands_still_is_unready_until_its_successor_gets_on(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_STALLED_SECONDS", 5.0)
    await loopback.relay.start()
    await loopback.consumer.start()
    await loopback.send(1)
    await eventually(lambda: loopback.applied == 1)
    await eventually(lambda: loopback.value("onboarding_consumer_up"), equals=1.0)
    before = await scrape(loopback.http)
    client: Any = loopback.consumer._client

    async def never(**_: object) -> None:
        await asyncio.Event().wait()

    client.getmany = never  # it stays a member of its group, answers every question, and reads nothing
    await asyncio.sleep(1.2)  # the poll in flight ends
    for session_id in (2, 3):  # one by one: the embedded broker counts the last batch as one record
        await loopback.send(session_id)
        await eventually(lambda: loopback.value("onboarding_outbox_messages"), equals=0.0)
    await eventually(lambda: loopback.value("onboarding_consumer_lag_messages", topic=SESSIONS.name), equals=2.0)
    assert (await loopback.value("onboarding_consumer_still_seconds") or 0) > 0
    await eventually(lambda: loopback.value("onboarding_consumer_up"), equals=0.0, seconds=30)
    await eventually(lambda: loopback.applied == 3, seconds=60)
    await eventually(lambda: loopback.value("onboarding_consumer_up"), equals=1.0)
    after = await scrape(loopback.http)
    assert grown(before, after, "onboarding_consumer_rebuilds_total", group="metrics") >= 1
    assert loopback.consumer._client is not client
    await eventually(lambda: loopback.value("onboarding_consumer_still_seconds"), equals=0.0)


async def test_connections_in_use_are_a_metric(loopback: Loopback) -> None:
    async with loopback.database.transaction():
        assert (await loopback.value("onboarding_database_connections", state="in use") or 0) >= 1


def grown(before: Scraped, after: Scraped, name: str, **labels: str) -> float:
    return after.count(name, **labels) - before.count(name, **labels)


def record(sequence: int) -> dict[str, Any]:
    message = SessionStarted(tenant_id=4, session_id=sequence, by_user_id=7)
    attributes = {"specversion": "1.0", "id": f"m{sequence}", "source": SESSIONS.source, "type": message.event_type(),
                  "sequence": str(sequence)}  # fmt: skip
    return {
        "topic": SESSIONS.name,
        "key": b"4",
        "value": msgspec.json.encode(message),
        "headers": [(f"ce_{name}", value.encode()) for name, value in attributes.items()],
    }
