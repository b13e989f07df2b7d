"""Admits messages to their handlers: compares and stores the last applied sequences in the transaction."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Decoded
from onboarding_shared.messaging.inbox_sequences import SequenceKey, advance, continue_series, lock_last_applied
from onboarding_shared.messaging.sorting_out import Partitioned, partition, unbroken


async def admit(tx: AsyncConnection, messages: Sequence[Decoded], window: int) -> Partitioned:
    """Store the last sequences of the messages, and return what is to be applied of them.

    Usually all follow what was applied last, which is compared and set in one statement.
    """
    keys = sequence_keys(messages)
    before, continued = await continue_series(tx, keys, unbroken(messages))
    if keys - before.keys():
        before |= await lock_last_applied(tx, keys - before.keys())
    parts = partition(messages, before, window)
    changed = {key: last for key, last in parts.last.items() if last != before.get(key)}
    await advance(tx, {key: last for key, last in changed.items() if key not in continued})
    return parts


def sequence_keys(messages: Sequence[Decoded]) -> set[SequenceKey]:
    """The tenants and topics of the messages."""
    return {(message.tenant_id, message.topic) for message in messages}
