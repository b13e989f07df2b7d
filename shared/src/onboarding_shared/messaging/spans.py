"""The spans of messages on their way: one for each that is sent, one for each that is processed.

The sending one is named in the record, so the processing one lies below it, in whichever service that is. Names and
attributes: https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.messaging.outbox_rows import OutboxRow
from onboarding_shared.telemetry.tracing import AttributeValue, Kind, Span, recording, start_span


@contextmanager
def sending(rows: Sequence[OutboxRow]) -> Iterator[list[str | None]]:
    """The trace context to send with each row; the spans end with the block, as failed when it raises.

    Rows outside of any trace, such as announcements, begin none.
    """
    if not recording():
        yield [row.traceparent for row in rows]
        return
    spans = [
        _started("send", "producer", row.traceparent, row.topic, row.tenant_id, str(row.message_id), row.event_type)
        for row in rows
    ]
    with _ended(spans):
        yield [None if span is None else span.traceparent for span in spans]


@contextmanager
def processing(messages: Sequence[Received], group: str) -> Iterator[Sequence[Received]]:
    """The messages as part of this service's spans; these end with the block, as failed when it raises."""
    if not recording():
        yield messages
        return
    spans = [
        _started("process", "consumer", one.traceparent, one.topic, one.tenant_id, one.message_id,
                 one.message.event_type(), group=group, run_id=getattr(one.message, "run_id", None))
        for one in messages
    ]  # fmt: skip
    with _ended(spans):
        yield [
            one if span is None else msgspec.structs.replace(one, traceparent=span.traceparent)
            for one, span in zip(messages, spans, strict=True)
        ]


def _started(
    operation: str,
    kind: Kind,
    parent: str | None,
    topic: str,
    tenant_id: int,
    message_id: str,
    event_type: str,
    *,
    group: str | None = None,
    run_id: int | None = None,
) -> Span | None:
    if parent is None:
        return None
    attributes: dict[str, AttributeValue | None] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "messaging.consumer.group.name": group,
        "messaging.message.id": message_id,
        "messaging.kafka.message.key": str(tenant_id),
        "cloudevents.event_type": event_type,
        "onboarding.tenant_id": tenant_id,
        "onboarding.run_id": run_id,
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
