"""The description of the API says which permission each operation needs."""

from typing import Any

import pytest
from litestar.testing import TestClient

from onboarding_shared.web.app import HttpApplication

THING = "/tenants/{tenant_id}/things/{thing_id}"


@pytest.fixture
def document(anonymous: TestClient[HttpApplication]) -> dict[str, Any]:
    return dict(anonymous.get("/schema/openapi.json").json())


def test_a_permission_is_in_security_and_description(document: dict[str, Any]) -> None:
    operation = document["paths"][THING]["get"]
    assert operation["security"] == [{"token": ["onboarding.read"]}]
    assert operation["description"].endswith("Needs the permission `onboarding.read` in the tenant.")


def test_an_operation_without_permission_says_so(document: dict[str, Any]) -> None:
    operation = document["paths"]["/broken"]["get"]
    assert operation["description"].endswith("Needs a token, and no permission.")
    assert "security" not in operation or operation["security"] == [{"token": []}]


def test_the_plain_page_lists_the_permissions(anonymous: TestClient[HttpApplication]) -> None:
    row = anonymous.get("/schema").text.partition(f"<code>GET {THING}</code>")[2].partition("<tr>")[0]
    assert row.endswith("<td><code>onboarding.read</code>")
