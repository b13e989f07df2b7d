"""Consent requests with an Idempotency-Key: one link, whose secret is stored nowhere."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.audit import ConsentLinkCreated
from onboarding_shared.process.message_settings import RunKeySettings
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.consent_harness import (
    REQUESTS,
    accept,
    connect,
    look,
    secret_of,
    sent,
    with_redirect,
)
from tests.integration.session_api.service import Api

OLD, NEW = "o" * 32, "n" * 32
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


def with_secrets(settings: SessionApiSettings, *secrets: str) -> SessionApiSettings:
    return settings.model_copy(update={"run_keys": RunKeySettings(secrets=secrets)})


@pytest.fixture
def settings(settings: SessionApiSettings) -> SessionApiSettings:
    return with_secrets(with_redirect(settings), OLD)


@pytest.fixture
async def first(api: Api) -> dict[str, Any]:
    """The answer to the first request with the key."""
    await connect(api)
    answer = await ask_once(api)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def ask_once(api: Api, **more: Any) -> httpx2.Response:
    return await api.caller().post(REQUESTS, headers=KEY, json=more)


@pytest.fixture
async def restarted(settings: SessionApiSettings, identity: Identity) -> AsyncIterator[Any]:
    """Starts the service again on the same database, with other secrets of its own."""
    made: list[Api] = []

    def restart(*secrets: str) -> Api:
        changed = with_secrets(settings, *secrets)
        made.append(Api(build(changed), changed, identity))
        return made[-1]

    yield restart
    for api in made:
        await api.close()


async def test_the_same_key_answers_with_the_same_link(api: Api, first: dict[str, Any]) -> None:
    again = await ask_once(api)

    assert (again.status_code, again.json()) == (201, first)
    assert again.headers["location"] == f"{REQUESTS}/{first['id']}"
    assert again.headers["cache-control"] == "no-store"
    assert await api.rows("SELECT count(*) FROM consent_requests") == [(1,)]
    events = await sent(api, "onboarding.audit.session-api.v1")
    assert [type(event) for event in events].count(ConsentLinkCreated) == 1
    await accept(api, again.json())
    assert (await look(api, first))["state"] == "reported"


async def test_another_key_makes_another_link(api: Api, first: dict[str, Any]) -> None:
    other = await api.caller().post(REQUESTS, headers={"Idempotency-Key": "other"}, json={})

    assert other.json()["id"] != first["id"]
    assert secret_of(other.json()) != secret_of(first)


async def test_the_key_with_another_body_is_refused(api: Api, first: dict[str, Any]) -> None:
    refused = await ask_once(api, provider_connection_id=first["provider_connection_id"])

    assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_no_table_has_the_secret_of_a_link(api: Api, first: dict[str, Any]) -> None:
    [(body,)] = await api.rows("SELECT convert_from(body, 'UTF8') FROM idempotency_keys WHERE key LIKE '8e03978e%'")

    assert secret_of(first) not in body
    for table in ("idempotency_keys", "consent_requests", "session_history", "outbox"):
        rows = await api.rows(
            f"SELECT count(*) FROM {table} t WHERE strpos(t::text, :secret) > 0", secret=secret_of(first)
        )
        assert rows == [(0,)], table


async def test_a_link_outlives_a_new_secret_of_the_service(first: dict[str, Any], restarted: Any) -> None:
    assert (await ask_once(restarted(NEW, OLD))).json() == first


async def test_without_the_secret_the_answer_has_no_link(first: dict[str, Any], restarted: Any) -> None:
    for secrets in ((NEW,), ()):
        assert (await ask_once(restarted(*secrets))).json() == {**first, "url": None}
