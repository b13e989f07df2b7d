"""Batches wait for company only while many arrive."""

import pytest

from onboarding_shared.postgres.group_commit import gather_seconds


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_after_a_small_batch_nobody_waits(rows: int) -> None:
    assert gather_seconds(rows) == 0.0


@pytest.mark.parametrize("rows", [8, 1000])
def test_after_a_large_batch_the_next_waits_some_milliseconds(rows: int) -> None:
    assert 0.0 < gather_seconds(rows) <= 0.005
