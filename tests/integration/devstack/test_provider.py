"""A whole sign-in at the provider of the embedded system, over HTTP, and what session-api tells of it."""

import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from onboarding_devstack.identity import AUDIENCE, ISSUER, Identity
from onboarding_devstack.provider.people import CLIENT_ID
from onboarding_devstack.provider.server import Provider
from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.errors import DependencyDown
from onboarding_shared.web.identity import Authenticator
from session_api.clients.openid_provider import OpenIdProvider

ORIGIN = "http://127.0.0.1:20004"
REDIRECT = f"{ORIGIN}/app/"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
QUERY = {
    "client_id": CLIENT_ID,
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid profile",
    "state": "s t",
    "nonce": "n",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    identity = Identity(tmp_path)
    identity.ensure()
    serving = Provider(("127.0.0.1", 0), identity, frozenset({REDIRECT}))
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield serving
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture
async def browser(provider: Provider) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=provider.issuer, trust_env=False) as client:
        yield client


async def choose(browser: httpx2.AsyncClient, person: str, **headers: str) -> httpx2.Response:
    """Open the page, and press the button of a person."""
    page = await browser.get("/authorize", params=QUERY)
    (ticket,) = re.findall(r'name="request" value="([^"]+)"', page.text)
    return await browser.post("/authorize", data={"request": ticket, "person": person}, headers=headers)


async def exchange(browser: httpx2.AsyncClient, answer: httpx2.Response, **changed: str) -> httpx2.Response:
    (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    return await browser.post("/token", data=form | changed, headers={"Origin": ORIGIN})


async def test_a_chosen_person_is_the_caller(provider: Provider, browser: httpx2.AsyncClient) -> None:
    answer = await choose(browser, "ada", Origin=provider.issuer)
    tokens = await exchange(browser, answer)

    assert answer.headers["location"].startswith(f"{REDIRECT}?")
    assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ["s t"]
    assert tokens.status_code == 200, tokens.text
    assert tokens.headers["access-control-allow-origin"] == ORIGIN
    assert tokens.headers["cache-control"] == "no-store"
    settings = IdentitySettings(jwks=f"{provider.issuer}/jwks", issuer=ISSUER, audience=AUDIENCE)
    caller = await Authenticator(settings).authenticate(tokens.json()["access_token"])
    assert (caller.display_name, caller.tenant_filter("onboarding.run")) == ("Ada Berger", None)
    of_client = IdentitySettings(jwks=f"{provider.issuer}/jwks", issuer=provider.issuer, audience=CLIENT_ID)
    with pytest.raises(Exception, match="token is not accepted"):
        await Authenticator(settings).authenticate(tokens.json()["id_token"])
    assert (await Authenticator(of_client).authenticate(tokens.json()["id_token"])).user_id == caller.user_id


async def test_a_code_is_good_once(browser: httpx2.AsyncClient) -> None:
    answer = await choose(browser, "ben")

    assert (await exchange(browser, answer)).status_code == 200
    again = await exchange(browser, answer)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_page_is_good_once_and_for_its_own_form(browser: httpx2.AsyncClient) -> None:
    foreign = await choose(browser, "ada", Origin="https://evil.example")
    page = await browser.get("/authorize", params=QUERY)
    (ticket,) = re.findall(r'name="request" value="([^"]+)"', page.text)
    form = {"request": ticket, "person": "ada"}

    assert foreign.status_code == 403
    assert (await browser.post("/authorize", data=form)).status_code == 303
    assert (await browser.post("/authorize", data=form)).status_code == 400


async def test_who_cancels_goes_back_without_a_code(browser: httpx2.AsyncClient) -> None:
    answer = await choose(browser, "")

    given = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (given["error"], given["state"], "code" in given) == (["access_denied"], ["s t"], False)


async def test_an_unregistered_address_gets_no_redirect(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get("/authorize", params=QUERY | {"redirect_uri": "https://evil.example/"})

    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_the_page_loads_nothing_and_names_each_person(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/authorize", params=QUERY)

    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert f"form-action 'self' {ORIGIN};" in policy
    assert re.findall("<strong>(.+?)</strong>", page.text) == ["Ada Berger", "Ben Okafor", "Ria Holt", "Omar Haddad"]
    assert "<html lang=" in page.text


async def test_only_the_applications_origin_may_read_tokens(browser: httpx2.AsyncClient) -> None:
    foreign = await browser.options("/token", headers={"Origin": "https://evil.example"})
    own = await browser.options("/token", headers={"Origin": ORIGIN})
    of_page = await browser.get("/authorize", params=QUERY, headers={"Origin": ORIGIN})

    assert "access-control-allow-origin" not in foreign.headers
    assert own.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in of_page.headers


@pytest.mark.parametrize("body", ["x" * 9000, ""])
async def test_a_body_that_is_no_small_form_is_refused(browser: httpx2.AsyncClient, body: str) -> None:
    answer = await browser.post("/token", content=body, headers={"Content-Type": "text/plain"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_sign_out_returns_to_registered_addresses_only(browser: httpx2.AsyncClient) -> None:
    own = await browser.get("/logout", params={"post_logout_redirect_uri": REDIRECT})
    foreign = await browser.get("/logout", params={"post_logout_redirect_uri": "https://evil.example/"})

    assert (own.status_code, own.headers["location"]) == (303, REDIRECT)
    assert foreign.status_code == 200


async def test_session_api_reads_the_providers_endpoints(provider: Provider) -> None:
    endpoints = await OpenIdProvider(provider.issuer).endpoints()

    assert endpoints.authorization_endpoint == f"{provider.issuer}/authorize"
    assert endpoints.token_endpoint == f"{provider.issuer}/token"
    assert endpoints.end_session_endpoint == f"{provider.issuer}/logout"


async def test_endpoints_are_believed_for_a_day_without_their_provider(provider: Provider) -> None:
    clock = [0.0]
    reader = OpenIdProvider(provider.issuer, clock=lambda: clock[0])
    first = await reader.endpoints()
    reader.authority = "http://127.0.0.1:9"

    clock[0] = 86_399.0
    assert await reader.endpoints() == first
    clock[0] = 86_400.0
    with pytest.raises(DependencyDown):
        await reader.endpoints()
