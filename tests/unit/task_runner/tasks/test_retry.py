"""The delays of the retry policy."""

from typing import Any

import pytest

from task_runner.tasks import Retry


def test_delays_double_up_to_the_longest() -> None:
    policy = Retry(attempts=5, first_delay=1.0, factor=2.0, max_delay=3.0)

    assert [policy.delay_after(attempt) for attempt in (1, 2, 3, 4, 5, 6)] == [1.0, 2.0, 3.0, 3.0, None, None]


def test_one_attempt_means_no_retry() -> None:
    assert Retry(attempts=1).delay_after(1) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": 101},
        {"first_delay": -1.0},
        {"first_delay": 90.0},
        {"factor": 0.5},
        {"max_delay": 100_000.0},
    ],
)
def test_an_impossible_policy_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Retry"):
        Retry(**wrong)
