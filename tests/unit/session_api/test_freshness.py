"""An answer counts for a while."""

from datetime import UTC, datetime, timedelta

import pytest

from onboarding_shared.contracts.types import CheckStatus
from session_api.domain.freshness import LatestResult, current_result

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def result(age_seconds: float, *, fresh_seconds: float = 3600.0, status: CheckStatus = CheckStatus.OK) -> LatestResult:
    return LatestResult(status, "LICENSE_P2", "P2 is there.", NOW - timedelta(seconds=age_seconds), fresh_seconds)


def test_an_answer_counts_until_its_time_is_over() -> None:
    found = current_result(result(3599), 5, NOW)

    assert (found.status, found.reason_code, found.message) == (CheckStatus.OK, "LICENSE_P2", "P2 is there.")
    assert found.expires_at == NOW + timedelta(seconds=1)


@pytest.mark.parametrize("status", CheckStatus)
def test_every_answer_whose_time_is_over_is_unknown(status: CheckStatus) -> None:
    found = current_result(result(3600, status=status), 5, NOW)

    assert (found.status, found.reason_code, found.expires_at) == (CheckStatus.UNKNOWN, "EVIDENCE_STALE", NOW)


def test_an_old_answer_is_told_with_what_it_was() -> None:
    message = current_result(result(86_400), 5, NOW).message

    assert message == "The latest answer (ok LICENSE_P2) is of 2026-11-23 12:00 UTC and does not count any more."


def test_without_any_run_the_task_is_unknown() -> None:
    found = current_result(None, None, NOW)

    assert (found.status, found.reason_code, found.expires_at) == (CheckStatus.UNKNOWN, "NEVER_RUN", None)
    assert found.message == "This task has not been run yet."


def test_while_the_first_run_goes_on_the_task_is_unknown() -> None:
    assert current_result(None, 5, NOW).message == "No run of this task has finished yet."


def test_a_clock_that_goes_ahead_does_not_make_an_answer_count_longer() -> None:
    assert current_result(result(-7200), 5, NOW).expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("seconds", [1e300, float("inf")])
def test_a_declaration_without_any_bound_counts_for_a_hundred_years(seconds: float) -> None:
    assert current_result(result(0, fresh_seconds=seconds), 5, NOW).expires_at == NOW + timedelta(days=36_500)
