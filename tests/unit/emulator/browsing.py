"""A person's browser at the emulator's sign-in page, and the application that they sign in to."""

import base64
import hashlib
import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import msgspec

from tests.unit.emulator.microsoft import APP, SECRET, TENANT, Microsoft

BACK = "https://onboarding.example/sign-in/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ADMINISTRATOR, MEMBER = "Adele Vance", "Megan Bowen"
REGISTRATION: dict[str, Any] = {"redirect_uris": [BACK], "required_scopes": ["User.Read", "Directory.Read.All"]}
QUERY = {
    "client_id": APP,
    "response_type": "code",
    "redirect_uri": BACK,
    "scope": "openid offline_access User.Read",
    "state": "a state & more",
    "nonce": "a nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


async def opened(ms: Microsoft, tenant: str = TENANT, **query: str | None) -> httpx2.Response:
    sent = {name: value for name, value in {**QUERY, **query}.items() if value is not None}
    return await ms.http.get(f"/{tenant}/oauth2/v2.0/authorize", params=sent)


async def pressed(ms: Microsoft, page: httpx2.Response, decision: str, person: str = MEMBER) -> httpx2.Response:
    token = re.search(r'name="token" value="(\w+)"', page.text)
    assert token is not None, page.text
    account = re.search(rf'<option value="([^"]+)"[^>]*>{person}<', page.text)
    assert account is not None, page.text
    form = {"token": token.group(1), "decision": decision, "person": html.unescape(account.group(1))}
    return await ms.http.post(str(page.request.url), data=form)


def led_to(answer: httpx2.Response) -> tuple[str, dict[str, str]]:
    assert answer.status_code == 302, answer.text
    where = urlsplit(answer.headers["location"])
    return f"{where.scheme}://{where.netloc}{where.path}", dict(parse_qsl(where.query or where.fragment))


async def code_of(ms: Microsoft, person: str = MEMBER, tenant: str = TENANT, **query: str | None) -> str:
    _, answer = led_to(await pressed(ms, await opened(ms, tenant, **query), "accept", person))
    return answer["code"]


async def redeemed(ms: Microsoft, code: str, tenant: str = TENANT, /, **form: str | None) -> httpx2.Response:
    fields = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER, "scope": None}
    return await ms.token(tenant, **{**fields, "code": code, **form})


async def refreshed(ms: Microsoft, refresh_token: str, tenant: str = TENANT, /, **form: str | None) -> httpx2.Response:
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_secret": SECRET, "scope": None}
    return await ms.token(tenant, **{**fields, **form})


async def tokens_of(ms: Microsoft, person: str = MEMBER, tenant: str = TENANT, **query: str | None) -> dict[str, Any]:
    answer = await redeemed(ms, await code_of(ms, person, tenant, **query), tenant)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def claims_of(token: str) -> dict[str, Any]:
    return dict(msgspec.json.decode(base64.urlsafe_b64decode(token.split(".")[1] + "==")))


async def codes_of_graph(ms: Microsoft, path: str, token: str) -> tuple[int, str | None]:
    """Status and error code of a read of Graph."""
    answer = await ms.graph(path, token=token)
    return answer.status_code, answer.json().get("error", {}).get("code")
