"""The conditions and delays of repeated requests."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_runner.providers.backoff import backoff_hook, retry_after_of
from task_runner.tasks import CannotTell, TaskFault


def throttled(retry_after: float | None) -> TaskFault:
    return TaskFault("GRAPH_THROTTLED", "x", retryable=True, retry_after=retry_after)


def unavailable(retry_after: float | None = None) -> TaskFault:
    return TaskFault("GRAPH_UNAVAILABLE", "x", retryable=True, retry_after=retry_after)


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (throttled(3.0), 3.0),
        (throttled(0.0), 0.0),
        (throttled(11.0), False),
        (throttled(None), True),
        (unavailable(), True),
        (unavailable(2.0), 2.0),
        (TaskFault("CREDENTIAL_MISSING", "x"), False),
        (CannotTell("GRAPH_FORBIDDEN", "x"), False),
        (ValueError(), False),
    ],
)
def test_a_read_waits_as_asked_up_to_the_longest_wait(error: Exception, decision: bool | float) -> None:
    assert backoff_hook(repeatable=True, longest_wait=10.0, remaining=lambda: 60.0)(error) == decision


@pytest.mark.parametrize(
    ("error", "decision"),
    [(throttled(1.0), 1.0), (throttled(None), True), (unavailable(1.0), 1.0), (unavailable(), False)],
)
def test_a_write_is_repeated_only_when_certainly_not_executed(error: Exception, decision: bool | float) -> None:
    assert backoff_hook(repeatable=False, longest_wait=10.0, remaining=lambda: 60.0)(error) == decision


@pytest.mark.parametrize(("error", "remaining"), [(throttled(3.0), 2.9), (unavailable(), 4.0), (throttled(0.0), -1.0)])
def test_nothing_waits_beyond_the_deadline(error: Exception, remaining: float) -> None:
    assert backoff_hook(repeatable=True, longest_wait=10.0, remaining=lambda: remaining)(error) is False


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("30.5", 30.5),
        ("0.2", 0.2),
        ("9999999999", 86_400.0),
        ("99999999999999999999", 86_400.0),
        (" 0 ", None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("-30.5", None),
        ("²", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("1.2.3", None),
        ("30, 60", None),
        ("Fri, 32 Foo 99999 99:99:99 GMT", None),
    ],
)
def test_retry_after_in_seconds(header: str, seconds: float | None) -> None:
    assert retry_after_of({"retry-after": header}) == seconds


@given(st.text(max_size=40))
def test_whatever_retry_after_says_it_never_means_haste(header: str) -> None:
    seconds = retry_after_of({"retry-after": header})
    assert seconds is None or 0 < seconds <= 86_400.0


def test_retry_after_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=90), usegmt=True)

    assert 80 < (retry_after_of({"retry-after": soon}) or 0) <= 90
    assert retry_after_of({"retry-after": past}) is None
