"""The repetition of a result, at growing intervals, until evidence-store has confirmed it."""

import asyncio

import msgspec
import pytest
from aiokafka import ConsumerRecord

from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.topics import EVIDENCE
from onboarding_shared.messaging.inbox import Inbox
from task_runner.use_cases.confirmations import Confirmations, apply_confirmations
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, recorded, start

DUE = "UPDATE executions SET confirm_at = now() - interval '1 second' WHERE confirm_at IS NOT NULL"
WAIT = "SELECT extract(epoch FROM confirm_at - now()) AS seconds FROM executions WHERE run_id = 1"


@pytest.fixture
async def confirmations(harness: RunnerHarness) -> Confirmations:
    await harness.apply(start(1, "nobody.knows"))
    return Confirmations(harness.database, harness.outbox, confirm_seconds=20)


async def test_a_result_is_not_repeated_before_its_time(harness: RunnerHarness, confirmations: Confirmations) -> None:
    assert await confirmations.resend() == 0


async def test_an_unconfirmed_result_is_repeated_unchanged(
    harness: RunnerHarness, confirmations: Confirmations
) -> None:
    await harness.sql(DUE)
    assert await confirmations.resend() == 1
    first, again = await harness.new_messages()
    assert isinstance(again, RunFinished)
    assert again == first


async def test_the_waits_double_up_to_ten_minutes(harness: RunnerHarness, confirmations: Confirmations) -> None:
    waits = []
    for _ in range(7):
        await harness.sql(DUE)
        await confirmations.resend()
        (row,) = await harness.sql(WAIT)
        waits.append(round(float(row.seconds)))
    assert waits == [40, 80, 160, 320, 600, 600, 600]


async def test_a_confirmed_result_is_never_repeated(harness: RunnerHarness, confirmations: Confirmations) -> None:
    await harness.sql(DUE)
    await harness.apply(recorded(1))
    assert await confirmations.resend() == 0


def consumed(sequence: int, *, tenant_id: int) -> ConsumerRecord[bytes, bytes]:
    """The record of a confirmation of run 1 of a tenant."""
    message = recorded(1, tenant_id=tenant_id)
    headers = {"ce_specversion": "1.0", "ce_id": "m", "ce_source": EVIDENCE.source, "ce_type": message.event_type(),
               "ce_sequence": str(sequence)}  # fmt: skip
    key, value = str(tenant_id).encode(), msgspec.json.encode(message)
    encoded = [(name, content.encode()) for name, content in headers.items()]
    return ConsumerRecord(EVIDENCE.name, 0, tenant_id, 0, 0, key, value, None, len(key), len(value), encoded)


async def test_a_message_far_ahead_confirms_nothing(harness: RunnerHarness, confirmations: Confirmations) -> None:
    await harness.apply(start(1, "nobody.knows", tenant_id=5))
    inbox = Inbox(
        harness.database, harness.outbox, group="test", applies={EVIDENCE: apply_confirmations}, window=100
    )  # fmt: skip
    await inbox.take([consumed(2**62, tenant_id=4), consumed(1, tenant_id=5)])
    rows = await harness.sql("SELECT tenant_id FROM executions WHERE confirmed_at IS NULL")
    assert [row.tenant_id for row in rows] == [4]


async def test_a_cancelled_run_is_not_repeated_by_itself(harness: RunnerHarness, confirmations: Confirmations) -> None:
    await harness.apply(start(2))
    await harness.apply(cancel(2))
    await harness.sql("UPDATE executions SET confirm_at = NULL WHERE run_id = 1")
    await harness.sql(DUE)
    assert await confirmations.resend() == 0


async def test_two_sweepers_at_once_tell_it_once(harness: RunnerHarness, confirmations: Confirmations) -> None:
    await harness.sql(DUE)
    await asyncio.gather(confirmations.resend(), confirmations.resend())
    assert len(await harness.new_messages()) == 2  # the result itself, and one repetition
