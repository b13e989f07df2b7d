"""Spans of messages: one per message sent, one per message processed.

The record carries the context of the sending span, which is the parent of the processing span. Names and attributes:
https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from onboarding_shared.contracts.cloudevents import Decoded, Received
from onboarding_shared.messaging.outbox_rows import OutboxRow
from onboarding_shared.telemetry.tracing import AttributeValue, Kind, Span, recording, start_span

_Attributes = dict[str, AttributeValue | None]


@contextmanager
def sending(rows: Sequence[OutboxRow]) -> Iterator[list[str | None]]:
    """Start the sending spans and yield the trace context of each row. The spans end with the block.

    Rows without a trace, such as announcements, start none.
    """
    if not recording():
        yield [row.traceparent for row in rows]
        return
    spans = [_started("send", "producer", row.traceparent, row.topic, row.tenant_id, _sent(row)) for row in rows]
    with _ended(spans):
        yield [None if span is None else span.traceparent for span in spans]


@contextmanager
def processing(messages: Sequence[Decoded], group: str) -> Iterator[Sequence[Decoded]]:
    """Start the processing spans and yield the messages in their context. The spans end with the block.

    What is passed over starts none.
    """
    if not recording():
        yield messages
        return
    spans = [
        _started(
            "process", "consumer", received.traceparent, received.topic, received.tenant_id, _processed(received, group)
        )
        if isinstance(received, Received)
        else None
        for received in messages
    ]
    with _ended(spans):
        yield [
            decoded if span is None else msgspec.structs.replace(decoded, traceparent=span.traceparent)
            for decoded, span in zip(messages, spans, strict=True)
        ]


def _sent(row: OutboxRow) -> _Attributes:
    return {"messaging.message.id": str(row.message_id), "cloudevents.event_type": row.event_type}


def _processed(received: Received, group: str) -> _Attributes:
    return {
        "messaging.consumer.group.name": group,
        "messaging.message.id": received.message_id,
        "cloudevents.event_type": received.message.event_type(),
        "onboarding.run_id": getattr(received.message, "run_id", None),
    }


def _started(
    operation: str, kind: Kind, parent: str | None, topic: str, tenant_id: int, message: _Attributes
) -> Span | None:
    if parent is None:
        return None
    attributes: _Attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "messaging.kafka.message.key": str(tenant_id),
        "onboarding.tenant_id": tenant_id,
        **message,
    }
    return start_span(f"{operation} {topic}", kind, parent=parent, attributes=attributes)


@contextmanager
def _ended(spans: Sequence[Span | None]) -> Iterator[None]:
    error: str | None = None
    try:
        yield
    except BaseException as raised:
        error = type(raised).__name__
        raise
    finally:
        for span in spans:
            if span is not None:
                span.end(error)
