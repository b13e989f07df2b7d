"""Owners of waiting requests get fair turns in a shared transaction."""

from onboarding_shared.postgres.group_commit import fair_turns


def test_a_late_owner_comes_before_the_rest_of_a_heavy_one() -> None:
    assert fair_turns(["heavy"] * 300 + ["quiet"], most=4, of_one=256) == [0, 300, 1, 2]


def test_one_owner_fills_no_transaction_alone() -> None:
    assert fair_turns(["heavy"] * 300) == list(range(32))


def test_many_owners_fill_a_transaction_together() -> None:
    assert fair_turns(range(300)) == list(range(256))
