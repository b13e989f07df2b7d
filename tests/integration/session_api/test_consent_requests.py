"""Consent requests over HTTP: which connection, which link, and how many."""

import hashlib
from datetime import datetime, timedelta

import httpx2
import pytest

from onboarding_shared.contracts.audit import ConsentLinkCreated
from onboarding_shared.contracts.session_api import ConsentRequested
from session_api.settings import SessionApiSettings
from tests.integration.session_api.consent_harness import (
    CONNECTIONS,
    REQUESTS,
    ask,
    connect,
    expire,
    look,
    secret_of,
    sent,
    with_redirect,
)
from tests.integration.session_api.service import TENANT, Api

SESSION = f"/tenants/{TENANT}/onboarding/session"


@pytest.fixture
def settings(settings: SessionApiSettings) -> SessionApiSettings:
    return with_redirect(settings, request_seconds=3600)


async def refused(api: Api, body: object = None) -> httpx2.Response:
    return await api.caller().post(REQUESTS, json={} if body is None else body)


async def test_a_request_is_created_with_its_link(api: Api) -> None:
    connection = await connect(api)
    answer = await api.caller(8).post(REQUESTS)
    body = answer.json()
    secret = secret_of(body)

    assert answer.status_code == 201
    assert answer.headers["location"] == f"{REQUESTS}/{body['id']}"
    assert answer.headers["cache-control"] == "no-store"
    made, expires = (datetime.fromisoformat(body.pop(name)) for name in ("created_at", "expires_at"))
    assert expires - made == timedelta(hours=1)
    assert body == {
        "id": body["id"],
        "tenant_id": TENANT,
        "provider_connection_id": connection,
        "onboarding_session_id": None,
        "state": "open",
        "url": "https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0/adminconsent"
        "?client_id=7c9e6679-7425-40de-944b-e07fc1f90ae7&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        f"&redirect_uri=https%3A%2F%2Fonboarding.example%2Fonboarding%2Fconsent%2Fcallback&state={secret}",
        "created_by_user_id": 8,
        "answered_at": None,
        "reported_at": None,
        "verified_at": None,
        "run_id": None,
    }


async def test_only_the_hash_of_the_secret_is_stored(api: Api) -> None:
    await connect(api)
    secrets = [secret_of(await ask(api)) for _ in range(2)]
    stored = await api.rows("SELECT state_hash FROM consent_requests ORDER BY id")

    assert [bytes(row[0]) for row in stored] == [hashlib.sha256(secret.encode()).digest() for secret in secrets]
    assert [len(secret) for secret in secrets] == [43, 43]
    assert secrets[0] != secrets[1]
    [[row]] = await api.rows("SELECT string_agg(c::text, '') FROM consent_requests c")
    assert not any(secret in row for secret in secrets)


async def test_later_answers_have_no_url(api: Api) -> None:
    await connect(api)
    request = await ask(api)

    assert await look(api, request) == {**request, "url": None}
    assert (await api.caller().get(REQUESTS)).json() == [{**request, "url": None}]


async def test_a_named_connection_comes_before_that_of_the_session(api: Api) -> None:
    first, second = await connect(api, "main"), await connect(api, "second")
    session = await api.session()
    await api.caller().patch(f"{SESSION}/{session['id']}", json={"provider_connection_id": first})

    assert (await ask(api, connection=second))["provider_connection_id"] == second
    assert (await ask(api))["provider_connection_id"] == first
    assert (await ask(api))["onboarding_session_id"] == session["id"]


async def test_of_two_connections_the_enabled_one_is_taken(api: Api) -> None:
    first, second = await connect(api, "main"), await connect(api, "second")
    await api.caller().post(f"{CONNECTIONS}/{first}/disable")

    assert (await ask(api))["provider_connection_id"] == second


async def test_without_a_choice_of_two_connections_none_is_taken(api: Api) -> None:
    connections = [await connect(api, "main"), await connect(api, "second")]
    answer = await refused(api)

    assert (answer.status_code, answer.json()["code"]) == (409, "CONNECTION_NOT_CHOSEN")
    assert answer.json()["provider_connection_ids"] == connections


async def test_a_tenant_without_connection_is_told_so(api: Api) -> None:
    answer = await refused(api)

    assert (answer.status_code, answer.json()["code"]) == (409, "CONNECTION_MISSING")
    assert answer.json()["next"] == "Create a provider connection to the customer's tenant first."


async def test_a_disabled_or_unknown_connection_is_refused(api: Api) -> None:
    connection = await connect(api)
    await api.caller().post(f"{CONNECTIONS}/{connection}/disable")
    disabled = await refused(api, {"provider_connection_id": connection})

    assert (disabled.status_code, disabled.json()["code"]) == (409, "CONNECTION_DISABLED")
    for unknown in (connection + 1, 0, -1, 2**63):
        answer = await refused(api, {"provider_connection_id": unknown})
        assert (answer.status_code, answer.json()["code"]) == (404, "CONNECTION_NOT_FOUND")


@pytest.mark.parametrize("body", [{"provider_connection_id": "5"}, {"redirect_uri": "https://evil.example"}, []])
async def test_a_malformed_body_is_refused(api: Api, body: object) -> None:
    await connect(api)

    assert (await refused(api, body)).status_code == 400
    assert (await api.caller().get(REQUESTS)).json() == []


async def test_twenty_requests_may_be_open(api: Api) -> None:
    await connect(api)
    for _ in range(20):
        await ask(api)
    answer = await refused(api)

    assert (answer.status_code, answer.json()["code"]) == (409, "CONSENT_REQUESTS_LIMIT")
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    assert len((await api.caller().get(REQUESTS)).json()) == 20


async def test_expired_requests_make_room(api: Api) -> None:
    await connect(api)
    for _ in range(20):
        await ask(api)
    await expire(api)

    assert (await ask(api))["state"] == "open"


async def test_an_unanswered_request_expires(api: Api) -> None:
    await connect(api)
    request = await ask(api)
    await expire(api)

    assert (await look(api, request))["state"] == "expired"


async def test_the_list_comes_newest_first_in_pages(api: Api) -> None:
    await connect(api)
    made = [(await ask(api))["id"] for _ in range(3)]
    first = await api.caller().get(f"{REQUESTS}?limit=2")
    second = await api.caller().get(first.links["next"]["url"])

    assert [request["id"] for request in first.json()] == [made[2], made[1]]
    assert [request["id"] for request in second.json()] == [made[0]]
    assert "link" not in second.headers


async def test_requests_of_another_tenant_are_not_found(api: Api) -> None:
    await connect(api)
    request = await ask(api)
    other = api.caller(tenants=[43])
    answer = await other.get(f"/tenants/43/onboarding/consent-requests/{request['id']}")

    assert (answer.status_code, answer.json()["code"]) == (404, "CONSENT_REQUEST_NOT_FOUND")
    assert (await other.get("/tenants/43/onboarding/consent-requests")).json() == []


async def test_a_request_is_in_the_history_of_its_session(api: Api) -> None:
    connection = await connect(api)
    session = await api.session()
    request = await ask(api, user=8)
    [newest, *_] = (await api.caller().get(f"{SESSION}/{session['id']}/history")).json()

    assert (newest["by_user_id"], newest["action"], newest["from"]) == (8, "consent_requested", None)
    assert newest["to"] == {
        "consent_request_id": request["id"],
        "provider_connection_id": connection,
        "expires_at": request["expires_at"],
    }


async def test_a_request_is_told_to_subscribers_of_its_session(api: Api) -> None:
    connection = await connect(api)
    session = await api.session()
    request = await ask(api, user=8)

    assert (await sent(api, "onboarding.sessions.v1"))[-1] == ConsentRequested(
        tenant_id=TENANT,
        session_id=session["id"],
        by_user_id=8,
        consent_request_id=request["id"],
        provider_connection_id=connection,
        expires_at=datetime.fromisoformat(request["expires_at"]),
    )


async def test_without_a_session_only_the_audit_is_told(api: Api) -> None:
    connection = await connect(api)
    request = await ask(api, user=8)

    assert await api.outbox_messages() == []
    assert (await api.audit_events())[-1] == ConsentLinkCreated(
        tenant_id=TENANT,
        by_user_id=8,
        occurred_at=datetime.fromisoformat(request["created_at"]),
        consent_request_id=request["id"],
        provider_connection_id=connection,
        session_id=None,
        expires_at=datetime.fromisoformat(request["expires_at"]),
    )


async def test_the_audit_names_the_session_of_a_link(api: Api) -> None:
    await connect(api)
    session = await api.session()
    await ask(api)

    event = (await api.audit_events())[-1]
    assert isinstance(event, ConsentLinkCreated)
    assert event.session_id == session["id"]
