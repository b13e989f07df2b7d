"""An answer counts for a while."""

from datetime import UTC, datetime, timedelta

import pytest

from onboarding_shared.contracts.types import CheckStatus
from session_api.domain.freshness import LatestResult, current_result

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def result(age_seconds: float, *, fresh_seconds: float = 3600.0, status: CheckStatus = CheckStatus.OK) -> LatestResult:
    return LatestResult(status, "LICENSE_P2", "P2 is there.", NOW - timedelta(seconds=age_seconds), fresh_seconds)


def test_an_answer_counts_until_its_time_is_over() -> None:
    current = current_result(result(3599), 5, NOW)

    assert (current.status, current.reason_code, current.message) == (CheckStatus.OK, "LICENSE_P2", "P2 is there.")
    assert current.expires_at == NOW + timedelta(seconds=1)


@pytest.mark.parametrize("status", CheckStatus)
def test_every_answer_whose_time_is_over_is_unknown(status: CheckStatus) -> None:
    current = current_result(result(3600, status=status), 5, NOW)

    assert (current.status, current.reason_code, current.expires_at) == (CheckStatus.UNKNOWN, "EVIDENCE_STALE", NOW)


def test_expired_evidence_is_described_with_its_former_result() -> None:
    message = current_result(result(86_400), 5, NOW).message

    assert message == "The latest result (ok LICENSE_P2), of 2026-11-23 12:00 UTC, has expired."


def test_without_any_run_the_task_is_unknown() -> None:
    current = current_result(None, None, NOW)

    assert (current.status, current.reason_code, current.expires_at) == (CheckStatus.UNKNOWN, "NEVER_RUN", None)
    assert current.message == "This task has not been run yet."


def test_while_the_first_run_goes_on_the_task_is_unknown() -> None:
    assert current_result(None, 5, NOW).message == "No run of this task has finished yet."


def test_a_fast_clock_does_not_extend_the_validity_of_evidence() -> None:
    assert current_result(result(-7200), 5, NOW).expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("seconds", [1e300, float("inf")])
def test_a_declaration_without_any_bound_counts_for_a_hundred_years(seconds: float) -> None:
    assert current_result(result(0, fresh_seconds=seconds), 5, NOW).expires_at == NOW + timedelta(days=36_500)
