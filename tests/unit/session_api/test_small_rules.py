"""Credential references, links and cursors."""

import pytest

from onboarding_shared.web.errors import BadRequest
from session_api.domain.connections import is_credential_reference, is_guid, names_credential
from session_api.routes.links import Links
from session_api.routes.paging import IdPosition, before_id, decode_cursor, encode_cursor


@pytest.mark.parametrize("text", ["env:GRAPH_SECRET", "env:_a", "file:/run/secrets/x.pem", "file:/ä/b c"])
def test_names_of_variables_and_absolute_paths_are_references(text: str) -> None:
    assert is_credential_reference(text)


@pytest.mark.parametrize(
    "text",
    ["", "secret", "env:", "env:1A", "env:A=B", "env:A\n", "file:", "file:x", "file:/a\x00b", "file:/a/../b", " env:A"],
)
def test_anything_else_might_be_a_secret(text: str) -> None:
    assert not is_credential_reference(text)


@pytest.mark.parametrize("references", [True, False])
def test_old_references_are_names_only_where_allowed(references: bool) -> None:
    assert names_credential("graph-main", references=references)
    assert names_credential("env:GRAPH_SECRET", references=references) is references
    assert not names_credential("Hunter2", references=references)


def test_a_guid_has_one_notation() -> None:
    assert is_guid("3F2504E0-4f89-41d3-9a0c-0305e82c3301")
    assert not is_guid("3f2504e04f8941d39a0c0305e82c3301")
    assert not is_guid("3f2504e0-4f89-41d3-9a0c-0305e82c3301\n")


def test_a_cursor_comes_back_as_it_was() -> None:
    assert decode_cursor(encode_cursor(IdPosition(12345)), IdPosition) == IdPosition(12345)


@pytest.mark.parametrize("cursor", ["", "!", "eyJiZWZvcmUiOjB9", "bnVsbA", "ä"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest, match="INVALID_CURSOR"):
        before_id(cursor)


def test_links_are_paths_unless_a_public_address_is_known() -> None:
    assert Links("").run(42, 7) == "/tenants/42/onboarding/runs/7"
    assert Links("https://api.example").run(42, 7) == "https://api.example/tenants/42/onboarding/runs/7"
