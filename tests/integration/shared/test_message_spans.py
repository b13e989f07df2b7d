"""A message on a real broker: its sending and its processing are spans below what caused it, kept in memory."""

from collections.abc import AsyncIterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.session_api import SessionStarted
from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.trace_export import SdkRecorder
from onboarding_shared.telemetry.tracing import record_with
from tests.support.engines import kafka_broker, kafka_settings
from tests.support.waiting import eventually

TRACES = ("4bf92f3577b34da6a3ce929d0e0e4736", "5bf92f3577b34da6a3ce929d0e0e4736")
ABOVE = "00f067aa0ba902b7"
SEND, PROCESS = f"send {SESSIONS.name}", f"process {SESSIONS.name}"


class Post:
    """Sends and processes messages, with every span of it in memory."""

    def __init__(self, database: Database, address: str) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.recorder = SdkRecorder(provider)
        self.database = database
        kafka = kafka_settings(address)
        self.relay = Relay(database, kafka, source=SESSIONS.source, topics=[SESSIONS])
        self.outbox = Outbox(self.relay.hand_over)
        self.consumer = Consumer(kafka, database, self.outbox, group="spans", applies={SESSIONS: self._apply})
        self.applied: dict[int, str | None] = {}
        self.refuses: set[int] = set()

    async def _apply(self, connection: AsyncConnection, messages: Sequence[Received]) -> None:
        for message in messages:
            if message.sequence in self.refuses:
                raise LookupError("planted")
            self.applied[message.sequence] = message.traceparent

    async def send(self, *traceparents: str | None) -> None:
        """One message of tenant 4 for each, in one commit."""
        messages = [
            Outgoing(SessionStarted(tenant_id=4, session_id=1, by_user_id=7), traceparent)
            for traceparent in traceparents
        ]
        async with self.database.transaction() as connection:
            await self.outbox.append(connection, messages)

    def spans(self, name: str, trace_id: str) -> list[ReadableSpan]:
        spans = self.exporter.get_finished_spans()
        return [span for span in spans if span.name == name and f"{span.context.trace_id:032x}" == trace_id]


@pytest.fixture
async def post(database: Database) -> AsyncIterator[Post]:
    with kafka_broker() as address:
        post = Post(database, address)
        before = record_with(post.recorder)
        await post.relay.start()
        await post.consumer.start()
        yield post
        await post.consumer.stop()
        await post.relay.stop()
        record_with(before)


async def test_each_message_of_a_batch_lies_in_its_own_trace(post: Post) -> None:
    await post.send(*(f"00-{trace}-{ABOVE}-01" for trace in TRACES), None)
    await eventually(lambda: len(post.applied) == 3)
    await eventually(lambda: [trace_id for trace_id in TRACES if post.spans(PROCESS, trace_id)] == list(TRACES))
    for sequence, trace in enumerate(TRACES, start=1):
        (sent,), (processed,) = post.spans(SEND, trace), post.spans(PROCESS, trace)
        assert f"{sent.parent.span_id:016x}" == ABOVE
        assert processed.parent.span_id == sent.context.span_id
        assert post.applied[sequence] == f"00-{trace}-{processed.context.span_id:016x}-01"
        assert processed.attributes["messaging.consumer.group.name"] == "spans"
        assert processed.attributes["onboarding.tenant_id"] == 4
    assert post.applied[3] is None
    assert len(post.exporter.get_finished_spans()) == 4


async def test_processing_that_fails_is_a_failed_span(post: Post) -> None:
    post.refuses = {1}
    await post.send(f"00-{TRACES[0]}-{ABOVE}-01")
    await eventually(lambda: post.spans(PROCESS, TRACES[0]))
    assert {span.attributes["error.type"] for span in post.spans(PROCESS, TRACES[0])} == {"LookupError"}
    assert post.spans(SEND, TRACES[0])[0].status.is_ok


async def test_an_unsampled_message_leaves_no_span_and_keeps_its_trace(post: Post) -> None:
    await post.send(f"00-{TRACES[0]}-{ABOVE}-00", f"00-{TRACES[1]}-{ABOVE}-01")
    await eventually(lambda: post.spans(PROCESS, TRACES[1]))
    assert post.spans(SEND, TRACES[0]) == []
    assert (post.applied[1] or "")[:35] == f"00-{TRACES[0]}"
    assert (post.applied[1] or "").endswith("-00")
