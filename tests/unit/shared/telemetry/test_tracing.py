import re

import pytest
from structlog.contextvars import get_contextvars

from onboarding_shared.telemetry.tracing import bind_traceparent, current_traceparent, trace_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_a_given_trace_continues_below_a_new_span() -> None:
    ours = bind_traceparent(GIVEN)
    assert trace_id_of(ours) == TRACE
    assert ours != GIVEN
    assert current_traceparent() == ours
    assert get_contextvars()["trace_id"] == TRACE


def test_what_is_bound_with_a_trace_is_in_the_logs() -> None:
    bind_traceparent(GIVEN, request_id="r-1")
    assert get_contextvars() | {"trace_id": TRACE, "request_id": "r-1"} == get_contextvars()


def test_the_sampling_decision_is_kept() -> None:
    assert bind_traceparent(f"00-{TRACE}-00f067aa0ba902b7-00").endswith("-00")


def test_the_known_part_of_a_later_version_is_read() -> None:
    assert trace_id_of(bind_traceparent(f"cc-{TRACE}-00f067aa0ba902b7-01-what-the-future")) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        GIVEN.upper(),
        GIVEN + "-more",
        GIVEN + "\n",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_a_missing_or_malformed_header_starts_a_new_trace(header: str | None) -> None:
    ours = bind_traceparent(header)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", ours)
    assert trace_id_of(ours) != TRACE
