"""HEAD: where there is GET, with its headers and without its body; not where GET has effects."""

import httpx2
import pytest
from litestar import get, post
from litestar.testing import TestClient

from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http

Client = TestClient[HttpApplication]
THINGS = "/tenants/42/things"
EFFECTS = "/effects"
calls: list[str] = []


@get(EFFECTS)
async def effects() -> str:
    calls.append("GET")
    return "done"


@post("/only-posted")
async def only_posted() -> str:
    return "done"


@pytest.fixture
def effective() -> Client:
    app = build_http(
        ApiDescription(title="Effects"),
        authenticator=None,
        routes=[effects, only_posted],
        public_paths={EFFECTS, "/only-posted"},
        get_only_paths={EFFECTS},
    )
    calls.clear()
    return TestClient(app)


def told(answer: httpx2.Response) -> tuple[int, dict[str, str]]:
    """Status and headers, without what differs from request to request."""
    return answer.status_code, {name: value for name, value in answer.headers.items() if name != "x-request-id"}


def allowed(answer: httpx2.Response) -> set[str]:
    return set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    "path",
    [
        THINGS,
        f"{THINGS}?limit=1",
        f"{THINGS}/1",
        "/health/live",
        "/health/ready",
        "/",
        "/docs",
        "/schema",
        "/schema/openapi.json",
        f"{THINGS}?unknown=1",
        f"{THINGS}/007",
        "/tenants/43/things",
        "/nowhere",
        "/broken",
        "/blocked",
    ],
)
def test_head_has_the_headers_of_get_and_no_body(client: Client, path: str) -> None:
    answer = client.head(path)
    assert told(answer) == told(client.get(path))
    assert int(answer.headers["Content-Length"]) > 0
    assert answer.content == b""


def test_head_of_metrics_has_no_body(client: Client) -> None:
    answer = client.head("/metrics")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", [THINGS, "/nowhere"])
def test_head_without_a_token_is_refused_as_get_is(anonymous: Client, path: str) -> None:
    answer = anonymous.head(path)
    assert (answer.status_code, answer.content) == (401, b"")
    assert told(answer) == told(anonymous.get(path))


def test_head_counts_as_a_request_of_its_own_method(client: Client) -> None:
    client.head(THINGS)
    page = client.get("/metrics").text
    assert 'onboarding_http_requests_total{method="HEAD",route="/tenants/{tenant_id}/things",status="200"} 1.0' in page


def test_a_path_without_get_has_no_head(effective: Client) -> None:
    answer = effective.head("/only-posted")
    assert (answer.status_code, allowed(answer)) == (405, {"POST", "OPTIONS"})


@pytest.mark.parametrize("path", [EFFECTS, f"{EFFECTS}/", f"{EFFECTS}//"])
def test_head_never_does_what_a_get_with_effects_does(effective: Client, path: str) -> None:
    answer = effective.head(path)
    assert (answer.status_code, calls) == (405, [])
    assert allowed(answer) == {"GET", "OPTIONS"}


@pytest.mark.parametrize("method", ["OPTIONS", "DELETE"])
def test_allow_names_head_beside_get(client: Client, method: str) -> None:
    assert allowed(client.request(method, THINGS)) == {"GET", "HEAD", "POST", "OPTIONS"}
