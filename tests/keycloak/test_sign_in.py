"""People sign in at a real Keycloak, and their tokens open the tenants that the mapping gives them."""

import html
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from onboarding_shared.process.claim_settings import ClaimSettings
from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.errors import Unauthorized
from onboarding_shared.web.identity import Authenticator
from session_api.clients.openid_provider import OpenIdProvider
from tests.keycloak.realm import API, ORIGIN, PASSWORD, REDIRECT, WEB
from tests.keycloak.server import keycloak

pytestmark = pytest.mark.timeout(900)

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ROLES = {
    "Onboarding.Lead": {"permissions": ["onboarding.read", "onboarding.run"], "tenants": "all"},
    "Onboarding.Technician": {"permissions": ["onboarding.read"]},
}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with keycloak(tmp_path_factory.mktemp("keycloak")) as address:
        yield address


def authenticator(issuer: str) -> Authenticator:
    claims = ClaimSettings(roles=json.dumps(ROLES), role_claims=f"resource_access.{API}.roles,realm_access.roles")
    jwks = f"{issuer}/protocol/openid-connect/certs"
    return Authenticator(IdentitySettings(jwks=jwks, issuer=issuer, audience=API, claims=claims))


async def sign_in(issuer: str, username: str) -> dict[str, str]:
    """Fill in Keycloak's own form as a browser does, and redeem the code as the web application does."""
    endpoints = await OpenIdProvider(issuer).endpoints()
    query = {
        "client_id": WEB,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "openid profile",
        "state": "s",
        "nonce": "n",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    async with httpx2.AsyncClient(trust_env=False, timeout=30.0) as browser:
        page = await browser.get(endpoints.authorization_endpoint, params=query)
        (action,) = re.findall(r'<form[^>]+action="([^"]+)"', page.text)
        # The address is http, so the cookies that Keycloak marks as secure are given by hand.
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
        answer = await browser.post(
            html.unescape(action), data={"username": username, "password": PASSWORD}, headers={"Cookie": cookies}
        )
        assert answer.status_code == 302, answer.text
        given = parse_qs(urlsplit(answer.headers["location"]).query)
        assert given["state"] == ["s"]
        form = {
            "grant_type": "authorization_code",
            "client_id": WEB,
            "code": given["code"][0],
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        tokens = await browser.post(endpoints.token_endpoint, data=form, headers={"Origin": ORIGIN})
    assert tokens.status_code == 200, tokens.text
    assert tokens.headers["access-control-allow-origin"] == ORIGIN
    return dict(tokens.json())


async def test_a_lead_may_act_in_all_tenants(issuer: str) -> None:
    caller = await authenticator(issuer).authenticate((await sign_in(issuer, "ada"))["access_token"])

    assert caller.display_name == "Ada Berger"
    assert caller.tenant_filter("onboarding.run") is None
    assert 2**52 <= caller.user_id < 2**53


async def test_a_technician_may_act_in_its_tenants(issuer: str) -> None:
    caller = await authenticator(issuer).authenticate((await sign_in(issuer, "ben"))["access_token"])

    assert caller.display_name == "Ben Okafor"
    assert caller.permissions == {42: {"onboarding.read"}, 43: {"onboarding.read"}}


async def test_a_person_keeps_its_number(issuer: str) -> None:
    numbers = {
        (await authenticator(issuer).authenticate((await sign_in(issuer, "ben"))["access_token"])).user_id
        for _ in range(2)
    }

    assert len(numbers) == 1


@pytest.mark.parametrize("kind", ["id_token", "refresh_token"])
async def test_other_tokens_of_keycloak_open_nothing(issuer: str, kind: str) -> None:
    token = (await sign_in(issuer, "ada"))[kind]

    with pytest.raises(Unauthorized):
        await authenticator(issuer).authenticate(token)
