"""The part of a rejected record that is kept."""

from typing import Any

import pytest
from aiokafka import ConsumerRecord

from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_COMMANDS
from onboarding_shared.messaging.dead_letters import Rejected, _columns

KEY = "ab" * 32


def kept(topic: str, value: bytes) -> Any:
    record: ConsumerRecord[bytes, bytes] = ConsumerRecord(
        topic=topic, partition=0, offset=0, timestamp=0, timestamp_type=0, key=b"42", value=value, checksum=None,
        serialized_key_size=2, serialized_value_size=len(value), headers=(),
    )  # fmt: skip
    return _columns([Rejected(record, "DATA_INVALID", "")])["values"]


@pytest.mark.parametrize("space", ["", " "])
def test_the_key_of_a_run_is_not_kept(space: str) -> None:
    value = f'{{"run_id": "x", "run_key":{space}"{KEY}", "dry_run": false}}'

    assert kept(TASK_COMMANDS.name, value.encode()) == [
        f'{{"run_id": "x", "run_key":{space}"removed", "dry_run": false}}'.encode()
    ]


def test_other_topics_are_kept_as_they_are() -> None:
    value = f'{{"run_key":"{KEY}"}}'.encode()

    assert kept(OPERATION_RUNS.name, value) == [value]
