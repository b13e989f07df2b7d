"""Only a result of the check verifies a consent, and only one of the same connection."""

from typing import Any

import pytest

from session_api.settings import SessionApiSettings
from tests.integration.session_api.consent_harness import (
    REQUESTS,
    accept,
    ask,
    connect,
    expire,
    look,
    offer_consent_check,
    with_redirect,
)
from tests.integration.session_api.service import TENANT, Api

RUNS = f"/tenants/{TENANT}/onboarding/runs"


@pytest.fixture
def settings(settings: SessionApiSettings) -> SessionApiSettings:
    return with_redirect(settings)


@pytest.fixture
async def request_(api: Api) -> dict[str, Any]:
    """An open request for the only connection."""
    await offer_consent_check(api)
    await connect(api)
    return await ask(api)


async def run_of_check(api: Api) -> int:
    """The only run there is."""
    [run] = (await api.caller().get(RUNS)).json()
    return int(run["id"])


@pytest.mark.parametrize("status", ["ok", "warn"])
async def test_a_result_verifies_the_newest_request(api: Api, request_: dict[str, Any], status: str) -> None:
    newer = await ask(api)
    await accept(api, newer)
    await api.finish(await run_of_check(api), "app.consent", status)

    assert [(await look(api, request))["state"] for request in (request_, newer)] == ["open", "verified"]
    assert (await look(api, newer))["verified_at"] is not None


async def test_a_check_of_its_own_accord_verifies_an_open_request(api: Api, request_: dict[str, Any]) -> None:
    await api.run_to_end("app.consent")

    assert (await look(api, request_))["state"] == "verified"
    await accept(api, request_)
    assert (await look(api, request_))["state"] == "verified"


@pytest.mark.parametrize("status", ["fail", "unknown"])
async def test_any_other_result_verifies_nothing(api: Api, request_: dict[str, Any], status: str) -> None:
    await api.run_to_end("app.consent", status)

    assert (await look(api, request_))["state"] == "open"


async def test_a_result_of_another_task_verifies_nothing(api: Api, request_: dict[str, Any]) -> None:
    await api.run_to_end("graph.connectivity")

    assert (await look(api, request_))["state"] == "open"


async def test_a_result_of_another_connection_verifies_nothing(api: Api, request_: dict[str, Any]) -> None:
    other = await connect(api, "second")
    run_id = (await api.start("app.consent", {"provider_connection_id": other})).json()["run_id"]
    await api.finish(run_id, "app.consent")

    assert (await look(api, request_))["state"] == "open"


async def test_an_older_result_told_again_verifies_nothing(api: Api) -> None:
    await offer_consent_check(api)
    await connect(api)
    run_id = await api.run_to_end("app.consent")
    request = await ask(api)
    await api.finish(run_id, "app.consent")

    assert (await look(api, request))["state"] == "open"


async def test_a_result_after_its_time_verifies_only_a_report(api: Api, request_: dict[str, Any]) -> None:
    reported = await ask(api)
    await accept(api, reported)
    await ask(api)
    await expire(api)
    await api.finish(await run_of_check(api), "app.consent")

    states = [request["state"] for request in (await api.caller().get(REQUESTS)).json()]
    assert states == ["expired", "verified", "expired"]
