"""The page at ``/``: for everybody, HTML for browsers and JSON for programs."""

import pytest
from litestar import get
from litestar.params import FromPath
from litestar.testing import TestClient

from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.identity import Authenticator

Client = TestClient[HttpApplication]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@get("/app/{name:str}")
async def application(name: FromPath[str]) -> str:
    return name


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/plain"])
def test_programs_get_the_paths_as_json(anonymous: Client, accept: str) -> None:
    answer = anonymous.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["vary"]) == (200, "Accept")
    assert answer.json() == {
        "title": "Things",
        "version": "1.0.0",
        "description": "",
        "application": None,
        "api_page": "/docs",
        "openapi": "/schema/openapi.json",
        "problem_codes": "/schema",
        "messages": "/asyncapi",
        "asyncapi": "/asyncapi.json",
    }


def test_browsers_get_links(anonymous: Client) -> None:
    answer = anonymous.get("/", headers={"Accept": BROWSER})
    assert answer.headers["content-type"].startswith("text/html")
    assert [part.split('"')[0] for part in answer.text.split('<a href="')[1:]] == [
        "/docs",
        "/schema/openapi.json",
        "/schema",
        "/asyncapi",
        "/asyncapi.json",
    ]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text


def test_the_paths_it_names_are_there(anonymous: Client) -> None:
    page = anonymous.get("/").json()
    named = ("api_page", "openapi", "problem_codes", "messages", "asyncapi")
    assert [anonymous.get(page[name]).status_code for name in named] == [200] * 5


def test_the_application_is_named_where_there_is_one(identity: IdentitySettings) -> None:
    app = build_http(ApiDescription(title="Things"), authenticator=Authenticator(identity), routes=[application])
    with TestClient(app) as client:
        assert client.get("/").json()["application"] == "/app/"
        assert '<a href="/app/">' in client.get("/", headers={"Accept": BROWSER}).text
