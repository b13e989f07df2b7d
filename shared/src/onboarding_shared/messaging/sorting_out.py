"""Sorts the messages of a batch: new, repeated, or too far ahead."""

from collections.abc import Mapping, Sequence

import msgspec

from onboarding_shared.contracts.cloudevents import Decoded
from onboarding_shared.messaging.inbox_sequences import SequenceKey, Series


class Partitioned(msgspec.Struct, frozen=True):
    """The new messages of a batch, the counts of repeated and missing ones, and the places of those that jump.

    ``last`` are the last applied sequences afterwards.
    """

    fresh: tuple[Decoded, ...]
    repeats: int
    missing: int
    last: dict[SequenceKey, int]
    jumps: tuple[int, ...] = ()


def unbroken(messages: Sequence[Decoded]) -> dict[SequenceKey, Series]:
    """The series of each tenant and topic whose messages follow one another without a gap."""
    series: dict[SequenceKey, Series] = {}
    broken: set[SequenceKey] = set()
    for message in messages:
        key, sequence = (message.tenant_id, message.topic), message.sequence
        before = series.get(key)
        if before is None:
            series[key] = Series(sequence, sequence)
        elif sequence == before.last + 1:
            series[key] = Series(before.first, sequence)
        else:
            broken.add(key)
    return {key: whole for key, whole in series.items() if key not in broken}


def partition(messages: Sequence[Decoded], last_applied: Mapping[SequenceKey, int], window: int) -> Partitioned:
    """Drop repeated and outdated messages and count missing ones; the order is preserved.

    A message before which more than ``window`` are missing jumps: it is no fresh one, and no later one is judged by it.
    """
    last = dict(last_applied)
    fresh: list[Decoded] = []
    jumps: list[int] = []
    repeats = missing = 0
    for place, message in enumerate(messages):
        key = (message.tenant_id, message.topic)
        skipped = message.sequence - last.get(key, 0) - 1
        if skipped < 0:
            repeats += 1
        elif skipped > window:
            jumps.append(place)
        else:
            missing += skipped
            last[key] = message.sequence
            fresh.append(message)
    return Partitioned(tuple(fresh), repeats, missing, last, tuple(jumps))
