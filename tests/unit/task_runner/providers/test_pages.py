"""Pages of lists, cut down to the selected fields."""

import json
from typing import Any

import msgspec
import pytest

from task_runner.providers.pages import cut, selected

URL = "https://graph.microsoft.com/v1.0/users"


def cut_down(body: Any, query: str) -> Any:
    return json.loads(cut(json.dumps(body).encode(), f"{URL}?{query}").content)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", None),
        ("$top=5", None),
        ("$select=displayName", {"displayName"}),
        ("%24select=displayName%2Cmail", {"displayName", "mail"}),
        ("$select=a/b, c", {"a", "c"}),
        ("$select=a&$expand=members($select=id,x),owners", {"a", "members", "owners"}),
    ],
)
def test_the_selected_fields_are_those_of_select_and_expand(query: str, expected: set[str] | None) -> None:
    always = {"id", "@odata.type", "@odata.id", "@odata.etag"}
    assert selected(f"{URL}?{query}") == (None if expected is None else expected | always)


def test_only_selected_members_stay() -> None:
    item = {"@odata.type": "#user", "id": "1", "mail": None, "big": {"x": ["y"] * 9}, "members": [{"a": [1.5]}]}
    body = {"value": [item, {"id": "2"}], "@odata.nextLink": "https://next", "@odata.context": "c"}

    assert cut_down(body, "$select=id,mail&$expand=members") == {
        "value": [{"@odata.type": "#user", "id": "1", "mail": None, "members": [{"a": [1.5]}]}, {"id": "2"}],
        "@odata.nextLink": "https://next",
    }


def test_without_a_selection_everything_stays() -> None:
    body = {"value": [{"id": "1", "big": "x"}]}
    assert cut_down(body, "$top=5") == body


@pytest.mark.parametrize("value", [[1, None], [{"id": "1"}, "x"], {"id": "1"}, "x", None])
def test_what_is_no_list_of_objects_is_left_to_the_reader(value: Any) -> None:
    assert cut_down({"value": value}, "$select=id") == {"value": value}


@pytest.mark.parametrize(
    ("body", "is_list"), [({"value": []}, True), ({"value": {}}, False), ({}, False), ({"value": None}, False)]
)
def test_a_page_says_whether_it_is_a_list(body: Any, is_list: bool) -> None:
    assert cut(json.dumps(body).encode(), URL).is_list is is_list


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"x"', b'{"value":'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        cut(body, URL)


def test_the_link_is_that_of_the_page() -> None:
    page = cut(b'{"value": [{"@odata.nextLink": "no"}], "@odata.nextLink": "yes"}', URL)
    assert page.following == "yes"
    assert cut(b'{"value": []}', URL).following is None
