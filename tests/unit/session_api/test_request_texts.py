"""The texts in request bodies, as their types bound them."""

import inspect
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from onboarding_shared.contracts.types import VISIBLE_PATTERN
from session_api.routes import consent_bodies, run_bodies, session_bodies

CHECKED_BY_ROUTES = {"external_tenant_id", "client_id", "credential_ref"}
REQUESTS = [
    struct
    for module in (consent_bodies, run_bodies, session_bodies)
    for _, struct in inspect.getmembers(module, inspect.isclass)
    if issubclass(struct, Struct) and struct.__struct_config__.forbid_unknown_fields
]


def texts(struct: type[Struct]) -> dict[str, Any]:
    """The patterns of the members that are free texts."""
    _, components = msgspec.json.schema_components([struct])
    return {
        name: choice.get("pattern")
        for name, member in components[struct.__name__]["properties"].items()
        for choice in member.get("anyOf", [member])
        if choice.get("type") == "string"
    }


@pytest.mark.parametrize("struct", REQUESTS, ids=lambda struct: struct.__name__)
def test_every_free_text_of_a_request_is_visible(struct: type[Struct]) -> None:
    free = {name: pattern for name, pattern in texts(struct).items() if name not in CHECKED_BY_ROUTES}
    assert free == dict.fromkeys(free, VISIBLE_PATTERN)


def test_the_free_texts_are_found() -> None:
    assert {name for struct in REQUESTS for name in texts(struct)} == {"display_name", "reason", *CHECKED_BY_ROUTES}
