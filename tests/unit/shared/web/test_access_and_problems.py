from typing import Any

import pytest
from litestar import get
from litestar.testing import TestClient
from structlog.testing import capture_logs

from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.errors import DependencyDown, Forbidden, NotFound, Problem
from onboarding_shared.web.identity import Caller, Permissions, authorize
from tests.support.signing import Signer
from tests.unit.shared.web.raw_requests import exchange, http_scope, no_body

Client = TestClient[HttpApplication]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def without_id(response: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    body = {name: value for name, value in response.json().items() if name != "request_id"}
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    return response.status_code, body, headers


@pytest.mark.parametrize(
    "path", ["/tenants/42/things", "/nowhere", "/docs/x", "/health", "/health/live/", "//health/live", "/schema/x"]
)
def test_every_path_but_public_pages_needs_a_token(anonymous: Client, path: str) -> None:
    response = anonymous.get(path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json()["code"] == "TOKEN_MISSING"


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/health/live", "/health/ready", "/schema", "/schema/openapi.json", "/schema/openapi.yaml"]
)
def test_public_pages_are_open(anonymous: Client, path: str) -> None:
    assert anonymous.get(path).status_code == 200


def test_a_bad_token_is_a_401_with_its_error(anonymous: Client) -> None:
    response = anonymous.get("/tenants/42/things", headers=bearer("a.b.c"))
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_an_expired_token_is_a_401_of_its_own(anonymous: Client, signer: Signer) -> None:
    response = anonymous.get("/tenants/42/things", headers=bearer(signer.token(exp=1_000_000)))
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_EXPIRED")


async def test_two_authorization_headers_are_not_one_identity(app: HttpApplication, signer: Signer) -> None:
    tokens = [(b"authorization", f"Bearer {signer.token(sub=user)}".encode()) for user in ("7", "8")]
    single = await exchange(app, http_scope("/tenants/42/things", tokens[0]), no_body)
    double = await exchange(app, http_scope("/tenants/42/things", *tokens), no_body)
    assert [single[0]["status"], double[0]["status"]] == [200, 401]


def test_the_bearer_scheme_may_be_written_small(anonymous: Client, signer: Signer) -> None:
    headers = {"Authorization": f"bearer {signer.token()}"}
    assert anonymous.get("/tenants/42/things", headers=headers).json()["user"] == 7


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tenants/{}/things"),
        ("PATCH", "/tenants/{}/things/1"),
        ("POST", "/tenants/{}/starts"),
        ("GET", "/tenants/{}/things?limit=0"),
    ],
)
def test_a_foreign_tenant_looks_exactly_like_an_unknown_one(client: Client, method: str, path: str) -> None:
    foreign = client.request(method, path.format(43))
    unknown = client.request(method, path.format(999_999_999))
    assert without_id(foreign) == without_id(unknown)
    assert foreign.status_code == 404
    assert foreign.json()["code"] == "TENANT_NOT_FOUND"
    assert "43" not in foreign.text.replace(foreign.json()["request_id"], "")


def test_a_missing_permission_is_a_403_that_names_it(anonymous: Client, signer: Signer) -> None:
    token = signer.token(permissions=[Permissions.WRITE])
    response = anonymous.get("/tenants/42/things", headers=bearer(token))
    assert response.status_code == 403
    assert response.json()["code"] == "PERMISSION_MISSING"
    assert response.json()["permission"] == "onboarding.read"


def test_a_foreign_tenant_is_a_404_even_without_the_permission() -> None:
    caller = Caller(user_id=7, permissions={42: frozenset()})
    with pytest.raises(NotFound):
        authorize(caller, 43, Permissions.READ)
    with pytest.raises(Forbidden):
        authorize(caller, 42, Permissions.READ)


def test_routes_without_an_authenticator_must_be_public() -> None:
    @get("/secrets")
    async def secrets() -> None: ...

    with pytest.raises(ValueError, match="/secrets"):
        build_http(ApiDescription(title="Open"), authenticator=None, routes=[secrets])
    assert build_http(ApiDescription(title="Open"), authenticator=None, routes=[secrets], public_paths={"/secrets"})


def test_a_problem_has_the_members_of_contract_and_rfc_9457(client: Client) -> None:
    response = client.get("/nowhere", headers={"X-Request-ID": "abc-1"})
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {
        "error": "There is nothing at this path",
        "code": "ROUTE_NOT_FOUND",
        "status": 404,
        "next": "There is nothing at this path: see the API page.",
        "request_id": "abc-1",
        "type": "/schema#ROUTE_NOT_FOUND",
        "title": "Not Found",
        "detail": "There is nothing at this path",
    }


def test_a_wrong_method_is_refused_with_the_allowed_ones(client: Client) -> None:
    response = client.delete("/tenants/42/things")
    assert (response.status_code, response.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


def test_an_internal_error_is_a_500_without_details_but_logged(client: Client) -> None:
    with capture_logs() as logs:
        response = client.get("/broken")
    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "hunter2" not in response.text
    assert "RuntimeError" not in response.text
    failures = [line for line in logs if line["log_level"] == "error" and line["event"] != "request"]
    assert [str(line["exc_info"]) for line in failures] == ["the password is hunter2"]


def test_extra_members_of_a_problem_never_replace_its_own(client: Client) -> None:
    response = client.get("/blocked")
    assert response.status_code == 409
    assert response.headers["Retry-After"] == "3"
    body = response.json()
    assert (body["run_id"], body["code"], body["next"]) == (9, "RUN_BLOCKED", "Wait for the other run.")


def test_a_service_can_translate_its_own_exceptions(client: Client) -> None:
    assert client.get("/translated").json()["code"] == "TRANSLATED"


def test_an_unavailable_dependency_is_a_503_with_retry_after() -> None:
    assert DependencyDown().headers == {"Retry-After": "1"}
    assert DependencyDown().status == 503


@pytest.mark.parametrize(("seconds", "header"), [(0, "1"), (0.2, "1"), (1, "1"), (1.01, "2"), (30, "30")])
def test_retry_after_is_whole_seconds_and_never_too_soon(seconds: float, header: str) -> None:
    assert Problem("X", "x", retry_after=seconds).headers["Retry-After"] == header


@pytest.mark.parametrize("given", ["", "with space", "x" * 129, "naïve"])
def test_a_request_id_that_is_not_sane_is_replaced(client: Client, given: str) -> None:
    response = client.get("/health/live", headers=[("X-Request-ID", given.encode("latin-1"))])
    assert response.headers["X-Request-ID"] != given
    assert len(response.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/tenants/42/things/5", 200),
        ("HEAD", "/tenants/42/things/5", 200),
        ("OPTIONS", "/tenants/42/things/5", 204),
        ("DELETE", "/tenants/42/things/5", 405),
        ("GET", "/tenants/42/things/0", 404),
        ("GET", "/tenants/43/things/5", 404),
        ("GET", "/tenants/42/things?limit=0", 400),
        ("GET", "/nowhere", 404),
        ("GET", "/schema/nowhere", 404),
        ("GET", "/broken", 500),
        ("GET", "/blocked", 409),
        ("GET", "/schema", 200),
        ("GET", "/schema/openapi.json", 200),
        ("GET", "/health/live", 200),
        ("GET", "/health/ready", 200),
        ("GET", "/metrics", 200),
    ],
)
def test_no_answer_may_be_kept_by_a_cache(client: Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.headers.get_list("Cache-Control")) == (status, ["no-store"])


@pytest.mark.parametrize("path", ["/tenants/42/things", "/nowhere"])
def test_no_refusal_of_a_caller_may_be_kept_either(anonymous: Client, path: str) -> None:
    assert anonymous.get(path).headers.get_list("Cache-Control") == ["no-store"]


def test_the_access_log_has_what_one_searches_for(client: Client) -> None:
    with capture_logs() as logs:
        client.get("/tenants/42/things/5")
        client.get("/health/live")
    request, health = logs
    assert request.pop("duration_ms") >= 0
    assert request == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/tenants/{tenant_id}/things/{thing_id}",
        "status": 200,
    }
    assert health["log_level"] == "debug"


@get("/database", sync_to_thread=False)
def without_database() -> None:
    raise DatabaseUnavailable("The database did not answer\n[SQL: SELECT x] [parameters: ('Contoso',)]")


@get("/dependency", sync_to_thread=False)
def without_dependency() -> None:
    raise DependencyDown("DEPENDENCY_DOWN", "It does not answer") from OSError("refused")


@get("/fault", sync_to_thread=False)
def with_a_fault() -> None:
    raise KeyError("x")


@pytest.mark.parametrize(
    ("path", "status", "code", "reason"),
    [
        ("/database", 503, "DEPENDENCY_DOWN", "DatabaseUnavailable: The database did not answer"),
        ("/dependency", 503, "DEPENDENCY_DOWN", "OSError: refused"),
        ("/fault", 500, "INTERNAL_ERROR", "KeyError: 'x'"),
    ],
)
def test_what_failed_is_in_the_log_at_level_error(path: str, status: int, code: str, reason: str) -> None:
    app = build_http(
        ApiDescription(title="x"),
        authenticator=None,
        routes=[without_database, without_dependency, with_a_fault],
        public_paths={"/database", "/dependency", "/fault"},
        translations={DatabaseUnavailable: lambda _: DependencyDown()},
    )
    with TestClient(app) as client, capture_logs() as logs:
        assert client.get(path).status_code == status
    line = logs[-1]
    assert (line["event"], line["log_level"], line["status"]) == ("request", "error", status)
    assert (line["code"], line["reason"]) == (code, reason)


def test_the_schema_describes_problems_and_loads_nothing_from_elsewhere(anonymous: Client) -> None:
    document = anonymous.get("/schema/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/tenants/{tenant_id}/things"]["get"]
    assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}
    page = anonymous.get("/schema").text
    assert 'id="RUN_BLOCKED"' in page
    assert "http://" not in page and "https://" not in page and "<script" not in page


def test_an_unknown_page_under_the_schema_is_a_problem(client: Client) -> None:
    response = client.get("/schema/swagger")
    assert (response.status_code, response.json()["code"]) == (404, "ROUTE_NOT_FOUND")
