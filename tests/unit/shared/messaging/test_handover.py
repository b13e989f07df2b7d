"""Which handed over rows may be published without a read of the table."""

import uuid
from datetime import UTC, datetime

import pytest

from onboarding_shared.messaging.handover import Handover
from onboarding_shared.messaging.outbox_rows import OutboxRow


def row(tenant_id: int, sequence: int, topic: str = "a", data: bytes = b"{}") -> OutboxRow:
    moment = datetime(2026, 11, 28, tzinfo=UTC)
    return OutboxRow(sequence, topic, tenant_id, sequence, uuid.UUID(int=sequence), "type", "s", None, data, moment)


@pytest.fixture
def handover() -> Handover:
    return Handover()


def test_first_rows_of_tenants_are_in_line(handover: Handover) -> None:
    handover.put([row(4, 1), row(9, 1), row(4, 2), row(4, 1, "b")])
    assert handover.take() == ([row(4, 1), row(9, 1), row(4, 2), row(4, 1, "b")], True)


def test_what_was_taken_does_not_come_again(handover: Handover) -> None:
    handover.put([row(4, 1)])
    handover.take()
    assert handover.take() == ([], True)


def test_a_row_after_a_published_one_is_in_line(handover: Handover) -> None:
    handover.published([row(4, 6), row(4, 7)])
    handover.put([row(4, 8)])
    assert handover.take() == ([row(4, 8)], True)


@pytest.mark.parametrize("later", [row(4, 9), row(9, 2), row(4, 8, "b")])
def test_a_row_with_an_unknown_predecessor_is_not_in_line(handover: Handover, later: OutboxRow) -> None:
    handover.published([row(4, 7)])
    handover.put([later])
    assert not handover.take().in_line


def test_rows_in_the_wrong_order_are_not_in_line(handover: Handover) -> None:
    handover.put([row(4, 2), row(4, 1)])
    assert not handover.take().in_line


def test_a_row_that_is_published_already_is_left_out(handover: Handover) -> None:
    handover.published([row(4, 7)])
    handover.put([row(4, 7), row(4, 8)])
    assert handover.take() == ([row(4, 8)], True)


def test_after_a_fault_only_the_table_tells_what_is_published(handover: Handover) -> None:
    handover.published([row(4, 7)])
    handover.put([row(9, 1)])
    handover.forget()
    assert handover.take() == ([], True)
    handover.put([row(4, 8)])
    assert not handover.take().in_line


@pytest.mark.parametrize(("number", "size"), [(1001, 2), (20, 900_000)])
def test_too_much_at_once_is_left_to_the_table(handover: Handover, number: int, size: int) -> None:
    handover.put([row(4, sequence + 1, data=bytes(size)) for sequence in range(number)])
    handover.put([row(9, 1)])
    assert handover.take() == ([], False)
    handover.put([row(9, 1)])
    assert handover.take() == ([row(9, 1)], True)


def test_the_memory_of_published_sequences_is_bounded(handover: Handover) -> None:
    for tenant in range(20_002):
        handover.published([row(tenant, 1)])
    handover.put([row(4, 2)])
    assert not handover.take().in_line
