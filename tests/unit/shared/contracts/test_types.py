"""The bounds of the contract's scalar types: the last value inside, the first outside."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from onboarding_shared.contracts import types

SECOND = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)

MANY_SCRIPTS = "Zoë's Bäckerei & Söhne, 東京 / שלום / العربية / 👩\u200d🔧 می\u200cخواهم"
INSIDE: list[tuple[Any, object, object]] = [
    (types.Id, 1, 1),
    (types.Id, 2**63 - 1, 2**63 - 1),
    (types.TenantKey, 0, 0),
    (types.TenantKey, 2**63 - 1, 2**63 - 1),
    (types.StepNumber, 1, 1),
    (types.StepNumber, 5, 5),
    (types.Count, 0, 0),
    (types.Count, 2**63 - 1, 2**63 - 1),
    (types.AttemptNumber, 0, 0),
    (types.AttemptNumber, 2**31 - 1, 2**31 - 1),
    (types.TaskTypeName, "a", "a"),
    (types.TaskTypeName, "graph.connectivity", "graph.connectivity"),
    (types.TaskTypeName, "a1_.b2_.c", "a1_.b2_.c"),
    (types.TaskTypeName, "a" * 100, "a" * 100),
    (types.ReasonCode, "OK", "OK"),
    (types.ReasonCode, "A" + "_9" * 31 + "Z", "A" + "_9" * 31 + "Z"),
    (types.ShortText, "", ""),
    (types.ShortText, "ä" * 200, "ä" * 200),
    (types.ShortText, "two\nlines\n", "two\nlines\n"),
    (types.LongText, "x" * 4000, "x" * 4000),
    (types.Moment, "2026-11-24T09:30:00Z", SECOND),
    (types.Moment, "2026-11-24T10:30:00+01:00", SECOND),
    (types.RunState, "timed_out", types.RunState.TIMED_OUT),
    (types.CheckStatus, "unknown", types.CheckStatus.UNKNOWN),
    (types.SessionStatus, "in_progress", types.SessionStatus.IN_PROGRESS),
    (types.Scope, "connection", types.Scope.CONNECTION),
    (types.VisibleName, MANY_SCRIPTS, MANY_SCRIPTS),
    (types.VisibleNote, "", ""),
    (types.Mode, "exclusive", types.Mode.EXCLUSIVE),
]
HIDDEN_TEXTS = [
    "two\nlines", "end\n", "\r", "tab\t", "\x1b[31mred", "\x7f", "\x9b31m", "\x85", "line\u2028line", "\u2029", "\x00",
    "\u202egpj.exe", "\u2066a\u2069", "\u200fa", "a\u200eb", "\u061c",
    "zero\u200bwidth", "\ufeffmark", "\u2060", "\ufff9",
]  # fmt: skip
OUTSIDE: list[tuple[Any, object]] = [
    (types.Id, 0),
    (types.Id, -1),
    (types.Id, 2**63),
    (types.Id, 2**64),
    (types.Id, "1"),
    (types.Id, 1.5),
    (types.Id, True),
    (types.Id, None),
    (types.TenantKey, -1),
    (types.TenantKey, 2**63),
    (types.StepNumber, 0),
    (types.StepNumber, 6),
    (types.Count, -1),
    (types.Count, 2**63),
    (types.AttemptNumber, -1),
    (types.AttemptNumber, 2**31),
    (types.TaskTypeName, ""),
    (types.TaskTypeName, "Graph"),
    (types.TaskTypeName, "1a"),
    (types.TaskTypeName, "_a"),
    (types.TaskTypeName, "a."),
    (types.TaskTypeName, ".a"),
    (types.TaskTypeName, "a..b"),
    (types.TaskTypeName, "a-b"),
    (types.TaskTypeName, "a\n"),
    (types.TaskTypeName, "ä"),
    (types.TaskTypeName, "a" * 101),
    (types.ReasonCode, "O"),
    (types.ReasonCode, "ok"),
    (types.ReasonCode, "9OK"),
    (types.ReasonCode, "_OK"),
    (types.ReasonCode, "A" * 65),
    (types.ReasonCode, "OK\n"),
    (types.ShortText, "x" * 201),
    (types.ShortText, "a\x00b"),
    (types.ShortText, "\x00"),
    (types.LongText, "x" * 4001),
    (types.LongText, "a\n\x00"),
    (types.VisibleName, ""),
    (types.VisibleName, "x" * 201),
    (types.VisibleNote, "x" * 4001),
    *((kind, text) for kind in (types.VisibleName, types.VisibleNote) for text in HIDDEN_TEXTS),
    (types.Moment, "2026-11-24T09:30:00"),
    (types.Moment, "2026-11-24"),
    (types.Moment, 1764000000),
    (types.RunState, "TIMED_OUT"),
    (types.CheckStatus, "error"),
    (types.SessionStatus, "open"),
    (types.Scope, "session"),
    (types.Mode, "write"),
]


@pytest.mark.parametrize(("kind", "written", "value"), INSIDE)
def test_a_value_within_the_bounds_is_read(kind: Any, written: object, value: object) -> None:
    assert msgspec.json.decode(msgspec.json.encode(written), type=kind) == value


@pytest.mark.parametrize(("kind", "written"), OUTSIDE)
def test_a_value_outside_the_bounds_is_refused(kind: Any, written: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(written), type=kind)


@pytest.mark.parametrize("escaped", [rb'"\ud800"', rb'"\udfff"', rb'"a\ud83d"', rb'"\udc00\ud800"'])
def test_a_lone_surrogate_is_refused(escaped: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(escaped, type=types.LongText)


def test_a_moment_keeps_its_distance_to_utc() -> None:
    read = msgspec.json.decode(b'"2026-11-24T10:30:00+01:00"', type=types.Moment)
    assert read.utcoffset() == timedelta(hours=1)
    assert read.astimezone(timezone(timedelta(0))) == SECOND


def test_the_platform_is_no_tenant_that_anybody_can_have() -> None:
    assert types.PLATFORM_TENANT == 0
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(types.PLATFORM_TENANT, types.Id)


@pytest.mark.parametrize("text", HIDDEN_TEXTS, ids=ascii)
def test_a_text_made_visible_keeps_the_rule_and_its_other_characters(text: str) -> None:
    shown = types.made_visible(f"Hello {text}!")
    assert types.is_visible(shown)
    assert (shown[:6], shown[-1]) == ("Hello ", "!")


def test_a_visible_text_stays_as_it_is() -> None:
    assert types.made_visible("Zoë 東京") == "Zoë 東京"
    assert types.made_visible("first\r\nsecond \x1b[31mred") == "first second \ufffd[31mred"
