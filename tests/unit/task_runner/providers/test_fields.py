"""Reading fields: what is missing or of another type is never replaced by a default."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_runner.providers.fields import Fields, only
from task_runner.tasks import CannotTell

READERS = (
    "text", "moment", "moment_or_none", "flag", "flag_or_none", "count", "at", "at_or_none", "texts",
    "each", "is_null",
)  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_field_is_incomplete_data(reader: str) -> None:
    with pytest.raises(CannotTell) as caught:
        getattr(Fields({}, "thing"), reader)("name")

    assert (caught.value.reason_code, caught.value.payload) == ("DATA_INCOMPLETE", {"field": "thing.name"})


@pytest.mark.parametrize(
    ("reader", "wrong"),
    [
        ("text", 1),
        ("text", ""),
        ("text", None),
        ("moment", None),
        ("moment", "yesterday"),
        ("moment", "2026-11-26T10:00:00"),
        ("moment_or_none", ""),
        ("moment_or_none", 1764151200),
        ("flag", "true"),
        ("flag", 1),
        ("flag", None),
        ("flag_or_none", 0),
        ("count", -1),
        ("count", True),
        ("count", "3"),
        ("count", 3.0),
        ("at", []),
        ("at_or_none", "x"),
        ("texts", "abc"),
        ("texts", ["a", 1]),
        ("each", {}),
        ("each", [1]),
    ],
)
def test_a_field_of_another_type_is_incomplete_data(reader: str, wrong: Any) -> None:
    with pytest.raises(CannotTell) as caught:
        getattr(Fields({"name": wrong}, "thing"), reader)("name")

    assert caught.value.reason_code == "DATA_INCOMPLETE"


def test_a_time_is_read_with_time_zone_and_microseconds() -> None:
    fields = Fields({"m": "2022-02-10T11:24:42.3148266Z", "n": None}, "thing")

    assert fields.moment("m") == datetime(2022, 2, 10, 11, 24, 42, 314826, tzinfo=UTC)
    assert fields.moment_or_none("n") is None


def test_right_fields_are_read_as_they_are() -> None:
    fields = Fields({"t": "x", "n": None, "f": False, "c": 0, "l": ["a"], "o": {"t": "y"}, "m": [{"t": "z"}]}, "thing")

    assert (fields.text("t"), fields.flag("f"), fields.count("c")) == ("x", False, 0)
    assert (fields.texts("l"), fields.at("o").text("t"), fields.each("m")[0].text("t")) == (("a",), "y", "z")
    assert fields.at_or_none("n") is None
    assert (fields.is_null("t"), fields.is_null("n"), fields.has("x")) == (False, True, False)


@pytest.mark.parametrize("count", [0, 2])
def test_a_list_that_must_have_one_object_has_exactly_one(count: int) -> None:
    with pytest.raises(CannotTell):
        only((Fields({}, "x"),) * count, "organization")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(anything, st.sampled_from(READERS))
def test_any_input_gives_a_value_or_incomplete_data(sent: Any, reader: str) -> None:
    try:
        getattr(Fields({"name": sent}, "thing"), reader)("name")
    except CannotTell as caught:
        assert caught.reason_code == "DATA_INCOMPLETE"
