"""The Python functions that the services call for a run, counted in a running system."""

import pytest

from tests.bench.calls import calls_of_a_run, profiled_system, show

MOST_CALLS = 1_300
"""Calls of a run in all three services."""
ROUNDS = 3
"""Beside other work batches are smaller, and the calls of a run more: the best round counts."""


async def test_a_run_calls_no_more_functions_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_TEST_ENGINES", "embedded")

    with profiled_system() as (system, folder):
        for _ in range(ROUNDS):
            calls = await calls_of_a_run(system, folder, runs=1000, clients=64)
            total = sum(service.total for service in calls.values())
            if total <= MOST_CALLS:
                break

    assert total <= MOST_CALLS, show(calls)
