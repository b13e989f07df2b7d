import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding_shared.web.errors import BadRequest
from onboarding_shared.web.text_rules import check_json_text, check_url_text


def code_of(body: bytes) -> str | None:
    try:
        check_json_text(body)
    except BadRequest as problem:
        return problem.code
    return None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"name": "Stra\xc3\x9fe"}',
        b'{"emoji": "\\ud83d\\ude00"}',
        b'{"emoji": "\\uD83D\\uDE00\\ud83d\\ude00"}',
        b'{"path": "C:\\\\u0000"}',
        b'{"path": "\\\\\\\\ud800"}',
        b'{"quote": "\\"\\\\"}',
        b'{"text": "' + b"[" * 100 + b'"}',
        b'{"text": "\\"' + b"{" * 100 + b'"}',
        b"[" * 32 + b"]" * 32,
        b"[" + b"[]," * 500 + b"[]]",
    ],
)
def test_a_clean_body_passes(body: bytes) -> None:
    assert code_of(body) is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"a": "\x00"}', "NUL_CHARACTER"),
        (b'{"a": "\\u0000"}', "NUL_CHARACTER"),
        (b'{"a": "\\\\\\u0000"}', "NUL_CHARACTER"),
        (b'{"\\u0000": 1}', "NUL_CHARACTER"),
        (b'{"a": "\\ud800"}', "LONE_SURROGATE"),
        (b'{"a": "\\udc00"}', "LONE_SURROGATE"),
        (b'{"a": "\\ud800\\ud800"}', "LONE_SURROGATE"),
        (b'{"a": "\\ud800 \\udc00"}', "LONE_SURROGATE"),
        (b'{"a": "\\ude00\\ud83d"}', "LONE_SURROGATE"),
        (b'{"a": "\\ud83d\\n"}', "LONE_SURROGATE"),
        (b'{"a": "\\ud83d', "LONE_SURROGATE"),
        (b'{"a": "\xed\xa0\x80"}', "LONE_SURROGATE"),
        (b'{"a": "\xff"}', "INVALID_UTF8"),
        (b'{"a": "\xc3"}', "INVALID_UTF8"),
        (b'{"a": "\xc0\x80"}', "INVALID_UTF8"),
        (b"[" * 33 + b"]" * 33, "NESTING_TOO_DEEP"),
        (b"[" * 60_000, "NESTING_TOO_DEEP"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "NESTING_TOO_DEEP"),
        (b'["\\"", ' + b"[" * 32 + b"]" * 33, "NESTING_TOO_DEEP"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_with_its_code(body: bytes, code: str) -> None:
    assert code_of(body) == code


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=32)), inner),
    max_leaves=30,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(inner) for inner in value.values()), default=0)
    return 1 + max((depth(inner) for inner in value), default=0) if isinstance(value, list) else 0


@given(json_values, st.booleans(), st.integers(0, 40))
def test_any_json_value_passes_up_to_32_levels(value: object, ascii_only: bool, wrapped: int) -> None:
    for _ in range(wrapped):
        value = [value]
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert code_of(body) == (None if depth(value) <= 32 else "NESTING_TOO_DEEP")


@pytest.mark.parametrize(
    "body",
    [
        b'"' * 65_536,
        b'"\\"' * 21_845,
        b'[{"' * 21_845,
        b"\\u" * 32_768,
        b'"' + b"\\" * 65_535,
        b"\\ud800\\udc00" * 5_461,
    ],
    ids=lambda body: repr(body[:6]),
)
def test_no_body_takes_long_to_check(body: bytes) -> None:
    started = time.perf_counter()
    code_of(b"[" * 33 + body)
    code_of(body)
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize(
    ("encoded", "code"),
    [
        (b"/a%00b", "NUL_CHARACTER"),
        (b"/a\x00b", "NUL_CHARACTER"),
        (b"/%ff", "INVALID_UTF8"),
        (b"/\xff", "INVALID_UTF8"),
        (b"/%ED%A0%80", "LONE_SURROGATE"),
        (b"/%C0%80", "INVALID_UTF8"),
    ],
)
def test_the_same_rules_hold_for_urls(encoded: bytes, code: str) -> None:
    with pytest.raises(BadRequest) as raised:
        check_url_text(encoded, "path")
    assert raised.value.code == code


def test_an_ordinary_url_passes() -> None:
    check_url_text(b"/tenants/42/things?name=Stra%C3%9Fe&x=%2500", "path")
