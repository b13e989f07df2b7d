"""The Python functions that the services call for a run, counted in a running system."""

import pytest

from tests.bench.calls import calls_of_a_run, profiled_system, show

MOST_CALLS = 1_300
"""Calls of a run in all three services. The sizes of batches vary, and with them the calls of a run."""


async def test_a_run_calls_no_more_functions_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_TEST_ENGINES", "embedded")

    with profiled_system() as (system, folder):
        calls = await calls_of_a_run(system, folder, runs=1000, clients=64)

    assert sum(service.total for service in calls.values()) <= MOST_CALLS, show(calls)
