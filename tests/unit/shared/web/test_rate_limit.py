"""Each caller has a bucket of requests that fills again."""

import pytest

from onboarding_shared.web.errors import TooManyRequests
from onboarding_shared.web.rate_limit import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def refused(limit: RateLimit, user: int) -> TooManyRequests:
    with pytest.raises(TooManyRequests) as raised:
        limit.take(user)
    return raised.value


def test_an_answer_tells_the_policy_and_what_is_left() -> None:
    limit = RateLimit(30, now=Clock())
    limit.take(7)

    assert limit.take(7) == {"RateLimit": '"caller";r=28;t=4', "RateLimit-Policy": '"caller";q=30;w=60'}


def test_a_request_too_many_tells_when_the_next_is_possible() -> None:
    limit = RateLimit(3, now=Clock())
    for _ in range(3):
        limit.take(7)
    problem = refused(limit, 7)

    assert (problem.status, problem.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert problem.headers["Retry-After"] == "20"
    assert problem.headers["RateLimit"] == '"caller";r=0;t=60'


def test_a_refused_caller_may_go_on_after_retry_after() -> None:
    clock = Clock()
    limit = RateLimit(3, now=clock)
    for _ in range(3):
        limit.take(7)
    refused(limit, 7)
    clock.now += 20.0

    limit.take(7)
    refused(limit, 7)


def test_a_bucket_holds_no_more_than_a_minute() -> None:
    clock = Clock()
    limit = RateLimit(2, now=clock)
    limit.take(7)
    clock.now += 3600.0
    limit.take(7)
    limit.take(7)

    refused(limit, 7)


def test_a_caller_spends_nothing_of_another() -> None:
    limit = RateLimit(1, now=Clock())
    limit.take(7)
    limit.take(8)

    refused(limit, 7)


def test_above_the_bound_the_longest_unused_bucket_goes() -> None:
    limit = RateLimit(1, now=Clock(), most_callers=2)
    for user in (1, 2, 3):
        limit.take(user)

    refused(limit, 2)
    refused(limit, 3)
    limit.take(1)
