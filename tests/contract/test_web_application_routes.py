"""The web application over HTTP: without a token, with its policy, and only where its files are."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from session_api.app import build
from session_api.settings import SessionApiSettings
from session_api.web_application.files import FILES


@pytest.fixture
async def http(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx2.AsyncClient]:
    identity = Identity(tmp_path_factory.mktemp("identity"))
    identity.ensure()
    service = build(
        SessionApiSettings(
            database=DatabaseSettings(url="postgresql://nobody@127.0.0.1:9/nothing"),
            kafka=KafkaSettings(bootstrap_servers="127.0.0.1:9"),
            log=LogSettings(),
            http=HttpSettings(),
            identity=IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
            evidence_store_url="http://127.0.0.1:9",
        )
    )
    transport = httpx2.ASGITransport(app=service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


async def test_every_file_is_served_with_its_policy(http: httpx2.AsyncClient) -> None:
    for path, file in FILES.items():
        answer = await http.get(path)
        assert (answer.status_code, answer.content) == (200, file.content), path
        assert answer.headers["content-type"].split(";")[0] == file.media_type
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-cache"


async def test_a_file_the_browser_has_is_answered_304(http: httpx2.AsyncClient) -> None:
    tag = (await http.get("/app/main.js")).headers["etag"]
    answer = await http.get("/app/main.js", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)


async def test_the_address_without_slash_leads_to_the_page(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/app")
    assert (answer.status_code, answer.headers["location"]) == (308, "app/")


async def test_the_answer_of_a_sign_in_provider_gets_the_page(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/app/?code=a&state=b&session_state=c")
    assert (answer.status_code, answer.content) == (200, FILES["/app/"].content)


@pytest.mark.parametrize("path", ["/app/none.js", "/app/vendor", "/app/vendor/..%2ffiles.py", "/app/../settings.py"])
async def test_nothing_else_is_below_it(http: httpx2.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code in (401, 404)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, br", "gzip"),
        ("identity", None),
        ("br, gzip;q=0", None),
        ("gzip;q=0.5", "gzip"),
        ("gzip;q=0.0, br", None),
    ],
)
async def test_a_file_is_compressed_for_who_takes_it(
    http: httpx2.AsyncClient, accepted: str, encoding: str | None
) -> None:
    answer = await http.get("/app/app.css", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.content == FILES["/app/app.css"].content
