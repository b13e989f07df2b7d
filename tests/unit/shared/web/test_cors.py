"""Pages of other origins: those that are named read the answers, and no other."""

from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.identity import Authenticator
from tests.support.signing import Signer
from tests.unit.shared.web.conftest import list_things

ORIGIN = "https://app.example"
THINGS = "/tenants/42/things"
PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
def page(identity: IdentitySettings) -> Iterator[TestClient[HttpApplication]]:
    app = build_http(
        ApiDescription(title="Things"),
        authenticator=Authenticator(identity),
        routes=[list_things],
        cors_origins=[ORIGIN, "http://localhost:5173"],
    )
    with TestClient(app) as client:
        yield client


def test_a_preflight_of_a_named_origin_needs_no_token(page: TestClient[HttpApplication]) -> None:
    answer = page.options(THINGS, headers={"Origin": ORIGIN, **PREFLIGHT})

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "DELETE, GET, HEAD, PATCH, POST, PUT"
    assert "Authorization" in answer.headers["access-control-allow-headers"].split(", ")
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    ["https://app.example.evil", "https://APP.example", "http://app.example", "https://app.example:444", "null"],
)
def test_another_origin_gets_no_permission(page: TestClient[HttpApplication], signer: Signer, origin: str) -> None:
    token = {"Authorization": f"Bearer {signer.token()}"}
    preflight = page.options(THINGS, headers={"Origin": origin, **PREFLIGHT})
    answer = page.get(THINGS, headers={"Origin": origin, **token})

    assert preflight.status_code == 401
    assert answer.status_code == 200
    for given in (preflight, answer):
        assert "access-control-allow-origin" not in given.headers
        assert given.headers["vary"] == "Origin"


def test_a_named_origin_reads_answers_and_problems(page: TestClient[HttpApplication], signer: Signer) -> None:
    token = {"Authorization": f"Bearer {signer.token()}"}
    answer = page.get(THINGS, headers={"Origin": ORIGIN, **token})
    problem = page.get(THINGS, headers={"Origin": ORIGIN})

    assert (answer.status_code, problem.status_code) == (200, 401)
    for given in (answer, problem):
        assert given.headers["access-control-allow-origin"] == ORIGIN
        assert given.headers["access-control-expose-headers"] == (
            "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
        )


def test_without_the_setting_no_origin_is_named(client: TestClient[HttpApplication]) -> None:
    answer = client.get(THINGS, headers={"Origin": ORIGIN})

    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert "vary" not in answer.headers
