"""The next state of a run after the end of an attempt."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding_shared.contracts.run_states import RunEvent, next_state
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.outcomes import (
    Cancelled,
    Deferred,
    Ending,
    GiveUp,
    Postponed,
    ResumeLater,
    RetryLater,
    Returned,
    Stopped,
    Succeed,
    TaskFailed,
    TimedOut,
    TimeLimitExceeded,
    decide_outcome,
    wait_before_retry,
)

ANSWER = Returned(status=CheckStatus.FAIL, reason_code="NO_LICENCE", message="None.", payload={"seats": 0})
PASSING = TaskFailed(reason_code="GRAPH_THROTTLED", message="Slow down.", retryable=True)
TOO_EARLY = Postponed(seconds=300.0, reason_code="APPROVAL_PENDING", message="Nobody approved.", payload={"id": 1})
DEFERRED = Deferred(seconds=1.5, reason_code="TENANT_BUSY", message="Not its turn.")
LASTING = TaskFailed(reason_code="CONNECTION_INVALID", message="No.", payload={"a": 1})

endings: st.SearchStrategy[Ending] = st.one_of(
    st.sampled_from([ANSWER, PASSING, LASTING, TOO_EARLY, DEFERRED]),
    st.builds(TimeLimitExceeded, limit=st.floats(1, 60)),
    st.builds(Stopped),
)
backoffs = st.none() | st.floats(0, 60)
waits_left = st.floats(-10, 10)


def test_an_answer_succeeds_even_when_it_is_bad_news() -> None:
    assert decide_outcome(ANSWER, cancelling=False, backoff=None) == Succeed(
        status=CheckStatus.FAIL, reason_code="NO_LICENCE", message="None.", payload={"seats": 0}
    )


def test_an_answer_counts_although_a_cancellation_was_on_its_way() -> None:
    assert isinstance(decide_outcome(ANSWER, cancelling=True, backoff=None), Succeed)


def test_a_passing_fault_waits_while_the_policy_has_attempts_left() -> None:
    assert decide_outcome(PASSING, cancelling=False, backoff=2.0) == RetryLater(
        delay=2.0, reason_code="GRAPH_THROTTLED", message="Slow down."
    )


def test_a_passing_fault_gives_up_when_no_attempt_is_left() -> None:
    assert decide_outcome(PASSING, cancelling=False, backoff=None) == GiveUp(
        reason_code="GRAPH_THROTTLED", message="Slow down."
    )


def test_a_lasting_fault_gives_up_at_once_with_its_evidence() -> None:
    assert decide_outcome(LASTING, cancelling=False, backoff=2.0) == GiveUp(
        reason_code="CONNECTION_INVALID", message="No.", payload={"a": 1}
    )


def test_a_wait_without_attempts_left_is_resumed() -> None:
    assert decide_outcome(TOO_EARLY, cancelling=False, backoff=None, wait_left=3600.0) == ResumeLater(
        delay=300.0, reason_code="APPROVAL_PENDING", message="Nobody approved.", payload={"id": 1}
    )


def test_a_deferred_attempt_goes_on_without_attempts_left() -> None:
    assert decide_outcome(DEFERRED, cancelling=False, backoff=None, wait_left=3600.0) == RetryLater(
        delay=1.5, reason_code="TENANT_BUSY", message="Not its turn."
    )


def test_a_deferred_run_ends_at_its_wait_limit() -> None:
    assert decide_outcome(DEFERRED, cancelling=False, backoff=1.0, wait_left=1.0) == RetryLater(
        delay=1.0, reason_code="TENANT_BUSY", message="Not its turn."
    )
    ended = decide_outcome(DEFERRED, cancelling=False, backoff=1.0, wait_left=0.0)
    assert isinstance(ended, TimedOut) and ended.reason_code == "WAIT_LIMIT_EXCEEDED"


def test_a_wait_beyond_the_wait_limit_is_cut_to_it() -> None:
    outcome = decide_outcome(TOO_EARLY, cancelling=False, backoff=2.0, wait_left=40.0)
    assert isinstance(outcome, ResumeLater) and outcome.delay == 40.0


@pytest.mark.parametrize("wait_left", [0.0, -5.0])
def test_a_wait_beyond_the_limit_times_out_with_its_reason(wait_left: float) -> None:
    assert decide_outcome(TOO_EARLY, cancelling=False, backoff=2.0, wait_left=wait_left) == TimedOut(
        reason_code="WAIT_LIMIT_EXCEEDED",
        message="The run exceeded the wait limit of its task type. Last reason: APPROVAL_PENDING: Nobody approved.",
        payload={"id": 1},
    )


def test_a_retry_does_not_count_as_waiting() -> None:
    assert isinstance(decide_outcome(PASSING, cancelling=False, backoff=2.0, wait_left=-5.0), RetryLater)


def test_a_run_past_its_limit_is_timed_out() -> None:
    assert decide_outcome(TimeLimitExceeded(limit=60.0), cancelling=False, backoff=2.0) == TimedOut(
        message="The attempt exceeded its time limit of 60 seconds."
    )


@pytest.mark.parametrize("ending", [PASSING, LASTING, TOO_EARLY, TimeLimitExceeded(limit=1.0), Stopped()])
def test_whatever_else_ends_while_cancelling_is_cancelled(ending: Ending) -> None:
    assert decide_outcome(ending, cancelling=True, backoff=2.0) == Cancelled()


@given(endings, backoffs, waits_left)
def test_only_an_answer_has_another_status_than_unknown(
    ending: Ending, backoff: float | None, wait_left: float
) -> None:
    outcome = decide_outcome(ending, cancelling=False, backoff=backoff, wait_left=wait_left)
    assert isinstance(outcome, Succeed | RetryLater | ResumeLater) or outcome.status is CheckStatus.UNKNOWN


@given(endings, st.booleans(), backoffs, waits_left)
def test_every_outcome_is_a_legal_transition_of_the_run(
    ending: Ending, cancelling: bool, backoff: float | None, wait_left: float
) -> None:
    if isinstance(ending, Stopped):
        cancelling = True
    outcome = decide_outcome(ending, cancelling=cancelling, backoff=backoff, wait_left=wait_left)
    assert next_state(RunState.CANCELLING if cancelling else RunState.RUNNING, outcome.event) is not None


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 2.0), (1.0, 2.0), (30.0, 30.0), (-5.0, 2.0), (1e9, 86_400.0), (math.nan, 2.0)]
)
def test_a_retry_waits_as_long_as_the_provider_asked(asked: float | None, seconds: float) -> None:
    assert wait_before_retry(2.0, asked) == seconds


def test_each_outcome_names_its_event() -> None:
    assert [kind.event for kind in (Succeed, RetryLater, ResumeLater, GiveUp, TimedOut, Cancelled)] == [
        RunEvent.SUCCEED,
        RunEvent.WAIT,
        RunEvent.WAIT,
        RunEvent.FAIL,
        RunEvent.TIME_OUT,
        RunEvent.CANCEL,
    ]
