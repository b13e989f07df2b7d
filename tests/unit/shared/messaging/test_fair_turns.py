"""Owners of waiting requests get fair turns in a shared transaction."""

from collections.abc import Hashable, Iterable

from onboarding_shared.postgres.group_commit import fair_turns


def light(owners: Iterable[Hashable]) -> list[tuple[Hashable, int]]:
    return [(owner, 1) for owner in owners]


def test_a_late_owner_comes_before_the_rest_of_a_heavy_one() -> None:
    assert fair_turns(light(["heavy"] * 300 + ["quiet"]), most=4, of_one=256) == [0, 300, 1, 2]


def test_one_owner_fills_no_transaction_alone() -> None:
    assert fair_turns(light(["heavy"] * 300)) == list(range(32))


def test_many_owners_fill_a_transaction_together() -> None:
    assert fair_turns(light(range(300))) == list(range(256))


def test_heavy_requests_of_one_owner_are_few_in_a_transaction() -> None:
    assert fair_turns([("heavy", 15)] * 5 + [("quiet", 1)] * 2) == [0, 5, 6, 1]


def test_the_heaviest_request_comes_alone_of_its_owner() -> None:
    assert fair_turns([("heavy", 500), ("heavy", 1), ("quiet", 1)]) == [0, 2]


def test_a_light_request_does_not_overtake_its_owners_heavy_one() -> None:
    assert fair_turns([("owner", 20), ("owner", 20), ("owner", 1)]) == [0]
