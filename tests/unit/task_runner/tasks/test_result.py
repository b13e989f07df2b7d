"""Results and payloads: whatever a task or a provider hands over can be stored."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding_shared.contracts.types import CheckStatus
from task_runner.tasks import PayloadError, Result, TaskFault, Wait
from task_runner.tasks.payload import json_safe
from tests.support.function_calls import CountedCalls


@pytest.mark.parametrize("reason", ["", "lower", "1ST", "WITH SPACE", "A", "A" * 65, "NEW_LINE\n"])
def test_a_malformed_reason_code_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="reason code"):
        Result.ok(reason)


def test_a_fault_with_a_malformed_reason_code_is_refused() -> None:
    with pytest.raises(ValueError, match="reason code"):
        TaskFault("oops", "text")


@pytest.mark.parametrize("seconds", [0, -1, 604_801, math.nan, math.inf])
def test_a_wait_of_impossible_length_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="wait"):
        Wait("A_B", "text", seconds=seconds)


def test_each_status_has_its_maker() -> None:
    made = [Result.ok("A_B"), Result.warn("A_B"), Result.fail("A_B"), Result.unknown("A_B")]

    assert [result.status for result in made] == [
        CheckStatus.OK,
        CheckStatus.WARN,
        CheckStatus.FAIL,
        CheckStatus.UNKNOWN,
    ]


def test_a_message_is_one_visible_line() -> None:
    name = "Admin\n\x1b[31mred\u202egpj"
    assert Result.ok("DONE", f"Found {name}").message == "Found Admin \ufffd[31mred\ufffdgpj"
    assert TaskFault("GONE", name).message == "Admin \ufffd[31mred\ufffdgpj"


def test_a_long_message_is_cut() -> None:
    assert len(Result.ok("A_B", "x" * 5000).message) == 4000


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        ("nul\0", "nul\ufffd"),
        ("\ud800", "\ufffd"),
        (2**63, str(2**63)),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (math.nan, None),
        (math.inf, None),
        ((1, 2), [1, 2]),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (CheckStatus.OK, "ok"),
        ({1: True}, {"1": True}),
    ],
)
def test_awkward_values_are_made_storable(given_value: Any, kept: Any) -> None:
    assert json_safe({"value": given_value}) == {"value": kept}


def test_a_payload_that_is_nested_too_deep_is_refused() -> None:
    nested: Any = 1
    for _ in range(30):
        nested = [nested]
    with pytest.raises(PayloadError, match="deep"):
        json_safe({"value": nested})


def test_a_payload_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(PayloadError):
        json_safe(loop)


def test_a_value_that_is_not_json_is_refused() -> None:
    with pytest.raises(PayloadError):
        json_safe({"value": object()})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters()), json_values, max_size=5))
def test_every_json_payload_becomes_storable_text(payload: dict[str, Any]) -> None:
    encoded = msgspec.json.encode(json_safe(payload)).decode("utf-8")

    assert "\\u0000" not in encoded
    assert json_safe(msgspec.json.decode(encoded)) == msgspec.json.decode(encoded)


def test_secret_settings_do_not_get_into_the_payload() -> None:
    result = Result.ok("FOUND", "", {"settings": [{"name": "client_secret", "value": "hunter2"}]})

    assert result.payload == {"settings": [{"name": "client_secret", "value": "[redacted]"}]}


def test_plain_members_need_no_calls_of_their_own() -> None:
    members = {f"member{number}": value for number, value in enumerate(["text", "a.b", 7, True, None, ""] * 20)}
    json_safe(members)

    with CountedCalls() as calls:
        safe = json_safe(members)

    assert safe == members
    assert calls.total <= 2


@pytest.mark.parametrize(
    ("given_members", "kept"),
    [
        ({"client_secret": "plain"}, {"client_secret": "[redacted]"}),
        ({"x" * 200 + "_client_secret": "plain"}, {"x" * 200 + "_client_secret": "[redacted]"}),
        ({"name": "password", "value": "plain"}, {"name": "password", "value": "[redacted]"}),
        ({"key": "password", "Value": "plain"}, {"key": "password", "Value": "[redacted]"}),
        ({"text": "eyJhbGciOiJIUzI1NiJ9"}, {"text": "eyJhbGciOiJIUzI1NiJ9"}),
        ({"text": "eyJhbGciOiJIUzI1NiJ9.e30"}, {"text": "[redacted]"}),
    ],
)
def test_a_plain_text_is_hidden_for_its_name_and_form(given_members: dict[str, Any], kept: dict[str, Any]) -> None:
    assert json_safe(given_members) == kept
