"""Cursors lead to the next page of the same list, and nowhere else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_store.domain.paging import CursorInvalid, EvidenceFilter, _digest, read_cursor, write_cursor
from onboarding_shared.contracts.types import MAX_ID

ALL = EvidenceFilter()
OK = EvidenceFilter(status="ok")


@given(position=st.integers(1, MAX_ID))
def test_a_cursor_leads_to_the_position_it_was_written_for(position: int) -> None:
    assert read_cursor(42, OK, write_cursor(42, OK, position)) == position


@given(position=st.integers(1, MAX_ID), index=st.integers(0, 27), letter=st.sampled_from("ABab01-_"))
def test_a_changed_cursor_is_refused(position: int, index: int, letter: str) -> None:
    cursor = write_cursor(42, ALL, position)
    changed = cursor[:index] + letter + cursor[index + 1 :]
    if changed != cursor:
        with pytest.raises(CursorInvalid):
            read_cursor(42, ALL, changed)


@given(text=st.text(max_size=40))
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        read_cursor(42, ALL, text)


def test_a_cursor_of_another_tenant_is_refused() -> None:
    with pytest.raises(CursorInvalid):
        read_cursor(43, ALL, write_cursor(42, ALL, 5))


def test_a_cursor_of_another_filter_is_refused() -> None:
    with pytest.raises(CursorInvalid):
        read_cursor(42, OK, write_cursor(42, ALL, 5))


def test_a_position_beyond_what_the_database_can_hold_is_refused() -> None:
    place = (2**63).to_bytes(8, "big")
    forged = urlsafe_b64encode(place + _digest(42, ALL, place)).decode()
    assert len(urlsafe_b64decode(forged)) == 21
    with pytest.raises(CursorInvalid):
        read_cursor(42, ALL, forged)
