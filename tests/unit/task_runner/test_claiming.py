"""The waiting runs that may start, whatever waits and whatever runs."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding_shared.contracts.types import Mode
from task_runner.domain.claiming import GuardedRun, choose, excludes

SHARED, EXCLUSIVE = Mode.SHARED, Mode.EXCLUSIVE


def work(run_id: int, *, tenant: int = 1, scope: int = 0, mode: Mode = SHARED, kind: str = "a") -> GuardedRun:
    return GuardedRun(run_id, tenant, scope, mode, kind)


def ids(chosen: list[GuardedRun]) -> list[int]:
    return [run.run_id for run in chosen]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (work(2, kind="a", scope=1), True),
        (work(2, kind="b", scope=1), False),
        (work(2, kind="a", scope=2), False),
        (work(2, kind="b", scope=1, mode=EXCLUSIVE), True),
        (work(2, kind="b", scope=2, mode=EXCLUSIVE), False),
        (work(2, kind="b", scope=0, mode=EXCLUSIVE), True),
        (work(2, kind="b", scope=0), False),
        (work(2, kind="a", scope=1, tenant=2, mode=EXCLUSIVE), False),
    ],
)
def test_a_shared_check_of_a_connection_excludes(other: GuardedRun, expected: bool) -> None:
    check = work(1, kind="a", scope=1)
    assert excludes(check, other) is expected
    assert excludes(other, check) is expected


def test_tenants_are_served_in_turn() -> None:
    candidates = [work(run, scope=run, tenant=1) for run in (1, 2, 3)] + [
        work(run, scope=run, tenant=2) for run in (7, 8)
    ]
    assert ids(choose(candidates, [], free=4, tenant_limit=8)) == [1, 7, 2, 8]


def test_what_runs_already_counts_for_the_tenants_share() -> None:
    candidates = [work(run, scope=run) for run in (1, 2, 3)]
    assert ids(choose(candidates, [work(9, scope=9)], free=10, tenant_limit=2)) == [1]


def test_an_excluded_run_lets_others_pass() -> None:
    candidates = [work(1, scope=1), work(2, scope=2)]
    assert ids(choose(candidates, [work(9, scope=1, mode=EXCLUSIVE, kind="x")], free=5, tenant_limit=8)) == [2]


def test_younger_shared_runs_do_not_overtake_an_exclusive_run() -> None:
    candidates = [work(1, scope=1, mode=EXCLUSIVE, kind="x"), work(2, scope=1, kind="b"), work(3, scope=2, kind="b")]
    assert ids(choose(candidates, [work(9, scope=1, kind="c")], free=5, tenant_limit=8)) == [3]


works = st.builds(
    GuardedRun,
    st.integers(1, 10**6),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from(Mode),
    st.sampled_from(["a", "b", "c"]),
)


@given(
    st.lists(works, max_size=30, unique_by=lambda run: run.run_id),
    st.lists(works, max_size=6),
    st.integers(1, 10),
    st.integers(1, 5),
)
def test_nothing_is_chosen_that_excludes_another_or_exceeds_a_limit(
    candidates: list[GuardedRun], queue: list[GuardedRun], free: int, tenant_limit: int
) -> None:
    running = choose(queue, [], free=6, tenant_limit=6)
    chosen = choose(candidates, running, free=free, tenant_limit=tenant_limit)
    together = running + chosen
    assert len(chosen) <= free
    assert all(run in candidates for run in chosen)
    assert not any(
        excludes(run, other) for place, run in enumerate(chosen) for other in together[: len(running) + place]
    )
    per_tenant = Counter(run.tenant_id for run in together)
    assert all(per_tenant[run.tenant_id] <= tenant_limit for run in chosen)


@given(st.lists(works, min_size=1, max_size=30, unique_by=lambda run: run.run_id))
def test_something_is_always_chosen_when_nothing_runs(candidates: list[GuardedRun]) -> None:
    assert choose(candidates, [], free=1, tenant_limit=1) == [candidates[0]]


def test_two_connections_to_one_microsoft_tenant_exclude_each_other() -> None:
    change = GuardedRun(1, 4, 11, Mode.EXCLUSIVE, "change", "public/contoso")
    check = GuardedRun(2, 4, 12, Mode.SHARED, "check", "public/contoso")

    assert excludes(change, check)
    assert not excludes(change, replace(check, target="china/contoso"))
    assert not excludes(change, replace(check, target=None))
