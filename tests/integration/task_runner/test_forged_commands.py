"""Only commands that session-api has sent are carried out, whatever else is on their topic."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from aiokafka import ConsumerRecord
from sqlalchemy import text

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.run_keys import Purpose, RunKeys, mac_of
from onboarding_shared.contracts.topics import TASK_COMMANDS
from onboarding_shared.messaging.inbox import Inbox
from task_runner.consumers import GROUP, applies
from task_runner.domain.admission import InputsType
from task_runner.use_cases.intake import CommandIntake
from tests.integration.task_runner.runner_harness import NO_SLOTS, RunnerHarness, cancel, start

KEYS = RunKeys(["c" * 32], purpose=Purpose.COMMANDS)
FOREIGN = RunKeys(["f" * 32], purpose=Purpose.COMMANDS)
TENANT = 4
INPUTS: dict[str, InputsType] = {}


@pytest.fixture
async def inbox(harness: RunnerHarness) -> AsyncIterator[Inbox]:
    """The inbox of a runner that checks commands."""
    declarations = {name: task.declaration for name, task in harness.tasks.items()}
    intake = CommandIntake(
        harness.outbox, declarations, first_claims=NO_SLOTS, confirm_seconds=20.0, wake=lambda: None,
        interrupt=lambda _: None, inputs=INPUTS,
    )  # fmt: skip
    yield Inbox(harness.database, harness.outbox, group=GROUP, applies=applies(intake), window=100, run_keys=KEYS)


def sent(message: Message, sequence: int, keys: RunKeys | None) -> ConsumerRecord[bytes, bytes]:
    """The record of a command about run 1, with a MAC under these keys."""
    value = msgspec.json.encode(message)
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"m{sequence}",
        "ce_source": TASK_COMMANDS.source,
        "ce_type": message.event_type(),
        "ce_sequence": str(sequence),
    }
    key = keys.key_of(TENANT, 1) if keys else None
    if key is not None:
        headers["ce_mac"] = mac_of(key, TASK_COMMANDS.name, sequence, value)
    encoded = [(name, content.encode()) for name, content in headers.items()]
    key_bytes = str(TENANT).encode()
    return ConsumerRecord(
        TASK_COMMANDS.name, 0, sequence, 0, 0, key_bytes, value, None, len(key_bytes), len(value), encoded
    )


async def put_aside(harness: RunnerHarness) -> list[str]:
    async with harness.database.transaction() as tx:
        return list((await tx.execute(text("SELECT reason_code FROM dead_letters ORDER BY id"))).scalars())


@pytest.mark.parametrize("keys", [None, FOREIGN], ids=["no MAC", "another secret"])
async def test_a_command_runs_although_a_forged_one_came_first(
    harness: RunnerHarness, inbox: Inbox, keys: RunKeys | None
) -> None:
    forged = msgspec.structs.replace(start(1), run_key="forged")
    genuine = msgspec.structs.replace(start(1), run_key="genuine")
    await inbox.take([sent(forged, 1, keys)])
    await inbox.take([sent(genuine, 1, KEYS)])
    (claim,) = await harness.claim()
    assert claim.execution.run_key == "genuine"
    assert await put_aside(harness) == ["MAC_INVALID"]


async def test_a_forged_cancellation_cancels_nothing(harness: RunnerHarness, inbox: Inbox) -> None:
    await inbox.take([sent(start(1), 1, KEYS), sent(cancel(1), 2, FOREIGN)])
    assert await harness.state(1) == "queued"
    await inbox.take([sent(cancel(1), 2, KEYS)])
    assert await harness.state(1) == "cancelled"
