"""A message of a type that a later version added is passed over, and the messages after it are applied."""

import msgspec
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging.inbox_sequences import last_applied
from tests.support.loopback import Loopback, record, started
from tests.support.waiting import eventually


def passed_over() -> float:
    return REGISTRY.get_sample_value("onboarding_messages_passed_over_total", {"topic": SESSIONS.name}) or 0.0


def unknown(tenant_id: int, sequence: int) -> dict:
    arguments = record(tenant_id, sequence)
    headers = dict(arguments["headers"]) | {"ce_type": b"org.onboarding.AddedLater.v1"}
    value = msgspec.json.encode({"type": "AddedLater", "tenant_id": tenant_id, "anything": [1]})
    return {**arguments, "value": value, "headers": list(headers.items())}


async def test_an_unknown_type_is_passed_over_and_counted(loopback: Loopback) -> None:
    before = passed_over()
    with capture_logs() as logs:
        await loopback.consumer.start()
        producer = await started(loopback)
        try:
            for arguments in (record(4, 1), unknown(4, 2), unknown(4, 3), record(4, 4), unknown(4, 3)):
                await producer.send_and_wait(**arguments)
            await eventually(lambda: loopback.applied == [(4, 1), (4, 4)])
            await eventually(lambda: passed_over() - before, equals=2)
        finally:
            await producer.stop()

    assert await loopback.dead_letters() == []
    assert await last_applied(loopback.database, 4, SESSIONS.name) == 4
    assert [entry["event_type"] for entry in logs if entry["event"] == "message_type_unknown"] == [
        "org.onboarding.AddedLater.v1"
    ]
    assert [entry for entry in logs if entry["event"] == "messages_missing"] == []


async def test_after_an_unknown_type_alone_its_number_is_used_up(loopback: Loopback) -> None:
    await loopback.consumer.start()
    producer = await started(loopback)
    try:
        await producer.send_and_wait(**unknown(4, 1))
        await eventually(lambda: last_applied(loopback.database, 4, SESSIONS.name), equals=1)
    finally:
        await producer.stop()
