import pytest
from litestar.testing import TestClient

from onboarding_shared.web.app import HttpApplication

Client = TestClient[HttpApplication]
BIGGEST = 2**63 - 1


def answer(client: Client, url: str) -> tuple[int, str | None, str | None]:
    response = client.get(url)
    body = response.json()
    return response.status_code, body.get("code"), body.get("field")


def test_the_biggest_id_is_an_id(client: Client) -> None:
    assert client.get(f"/tenants/42/things/{BIGGEST}").json() == {"thing": BIGGEST}


@pytest.mark.parametrize("thing", ["0", "-1", f"{BIGGEST + 1}", "1" * 400, "007", "+1", "1_0", "%201", "%EF%BC%91"])
def test_an_id_out_of_range_or_form_is_a_404(client: Client, thing: str) -> None:
    assert answer(client, f"/tenants/42/things/{thing}") == (404, "INVALID_PATH_ID", "thing_id")


@pytest.mark.parametrize("tenant", ["0", "-42", "9223372036854775808", "042"])
def test_a_malformed_tenant_id_is_refused_before_the_access_check(client: Client, tenant: str) -> None:
    assert answer(client, f"/tenants/{tenant}/things") == (404, "INVALID_PATH_ID", "tenant_id")


@pytest.mark.parametrize("thing", ["abc", "1.5", "1e3", "null", "9" * 5000])
def test_an_id_that_is_no_integer_leads_nowhere(client: Client, thing: str) -> None:
    assert answer(client, f"/tenants/42/things/{thing}") == (404, "ROUTE_NOT_FOUND", None)


@pytest.mark.parametrize("path", ["/tenants/42/things%2F1", "/tenants/42/things/%2f", "/tenants%2F42/things"])
def test_an_encoded_slash_separates_nothing(client: Client, path: str) -> None:
    assert answer(client, path) == (404, "ROUTE_NOT_FOUND", None)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/tenants/42/things/%00", "NUL_CHARACTER"),
        ("/tenants/%FF/things", "INVALID_UTF8"),
        ("/tenants/42/things?name=%00", "NUL_CHARACTER"),
        ("/tenants/42/things?name=%ED%A0%80", "LONE_SURROGATE"),
        ("/tenants/42/things?%FF=1", "INVALID_UTF8"),
    ],
)
def test_texts_in_urls_obey_the_rules_of_bodies(client: Client, url: str, code: str) -> None:
    assert answer(client, url)[:2] == (400, code)


def test_declared_parameters_arrive_with_their_types(client: Client) -> None:
    response = client.get("/tenants/42/things?limit=100&after=5&status=ok&status=warn")
    assert response.json() == {"tenant": 42, "user": 7, "limit": 100, "after": 5, "status": ["ok", "warn"]}


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("surprise=1", "UNKNOWN_PARAMETER", "surprise"),
        ("LIMIT=1", "UNKNOWN_PARAMETER", "LIMIT"),
        ("caller=1", "UNKNOWN_PARAMETER", "caller"),
        ("limit=0", "INVALID_PARAMETER", "limit"),
        ("limit=101", "INVALID_PARAMETER", "limit"),
        ("limit=many", "INVALID_PARAMETER", "limit"),
        ("limit=", "INVALID_PARAMETER", "limit"),
        ("limit=1&limit=2", "REPEATED_PARAMETER", "limit"),
        ("after=9223372036854775808", "INVALID_PARAMETER", "after"),
        ("after=-1", "INVALID_PARAMETER", "after"),
        ("after=" + "9" * 5000, "INVALID_PARAMETER", "after"),
    ],
)
def test_an_undeclared_or_invalid_query_is_a_400(client: Client, query: str, code: str, field: str) -> None:
    assert answer(client, f"/tenants/42/things?{query}") == (400, code, field)


def test_a_query_where_none_is_declared_is_a_400(client: Client) -> None:
    assert answer(client, "/tenants/42/things/1?x=1") == (400, "UNKNOWN_PARAMETER", "x")
