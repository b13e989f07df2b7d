"""The API page: Scalar as it was published, for everybody, without scripts of others; without it, the plain page."""

import gzip
from hashlib import sha512
from pathlib import Path

import pytest
from litestar.testing import TestClient

from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web import app as web_app
from onboarding_shared.web.api_page import ApiPageFiles, api_page, installed_files
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.identity import Authenticator

Client = TestClient[HttpApplication]

README = Path(__file__).parents[4] / "api-page" / "README.md"
SCALAR = "1.76.0"
SHA512 = (
    "9bbd209eee8f5143504c3e7851577887d2763f9fe4f10ac7ad7ebe20587676b4"
    "01c70bcac5dc79c1a167bc6394ba2b5e94443abfcc5a227fb0557614e1f4db6f"
)
"""Of dist/browser/standalone.js in the npm package @scalar/api-reference of that version."""


def page_files() -> ApiPageFiles:
    files = installed_files()
    assert files is not None
    return files


def test_scalar_is_the_published_file() -> None:
    assert sha512(gzip.decompress(page_files().scalar)).hexdigest() == SHA512
    assert f"`@scalar/api-reference` {SCALAR}," in README.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    ['proxyUrl: ""', "withDefaultFonts: false", "telemetry: false", "agent: { disabled: true }", "persistAuth: false"],
)
def test_what_would_ask_another_host_is_switched_off(line: str) -> None:
    assert line in page_files().start.decode()


def test_the_page_loads_its_own_scripts_only(anonymous: Client) -> None:
    page = anonymous.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = dict(rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert page.text.count("<script") == page.text.count('<script src="/docs/') == 2
    for script in (part.split('"')[0] for part in page.text.split('<script src="')[1:]):
        assert anonymous.get(script).headers["content-type"].startswith("text/javascript"), script


def test_the_script_is_sent_as_it_is_kept(anonymous: Client) -> None:
    answer = anonymous.get(page_files().scalar_path)
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(page_files().scalar) < 1_500_000
    assert answer.content == gzip.decompress(page_files().scalar)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_without_its_files_the_plain_page_is_shown(identity: IdentitySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app, "installed_files", lambda: None)
    app = build_http(ApiDescription(title="Things"), authenticator=Authenticator(identity))
    with TestClient(app) as client:
        answer = client.get("/docs", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/schema")


def test_a_title_is_no_markup(identity: IdentitySettings) -> None:
    app = build_http(ApiDescription(title="<script>x</script>"), authenticator=Authenticator(identity))
    with TestClient(app) as client:
        assert "<script>x" not in client.get("/docs").text


def test_all_its_paths_are_public() -> None:
    page = api_page("Things", page_files())
    assert {path for route in page.routes for path in route.paths} <= page.paths
