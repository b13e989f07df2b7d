"""The browser that comes back from Microsoft: what it may change, and what it may not."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from onboarding_shared.contracts.session_api import ConsentAnswered, ResumeTask, StartTask
from onboarding_shared.contracts.task_runner import RunProgressed
from onboarding_shared.contracts.types import ConsentClaim, RunState
from session_api.settings import SessionApiSettings
from tests.integration.session_api.consent_harness import (
    CALLBACK,
    CONNECTIONS,
    STRANGER,
    accept,
    ask,
    come_back,
    connect,
    expire,
    look,
    offer_consent_check,
    refuse,
    secret_of,
    sent,
    with_redirect,
)
from tests.integration.session_api.service import TENANT, Api

SESSION = f"/tenants/{TENANT}/onboarding/session"
RUNS = f"/tenants/{TENANT}/onboarding/runs"


@pytest.fixture
def settings(settings: SessionApiSettings) -> SessionApiSettings:
    return with_redirect(settings)


@pytest.fixture(autouse=True)
async def _offered(api: Api) -> None:
    await offer_consent_check(api)


@pytest.fixture
async def request_(api: Api) -> dict[str, Any]:
    """An open request of user 7 for the only connection."""
    await connect(api)
    return await ask(api)


def outcome(answer: httpx2.Response) -> tuple[int, str]:
    """Status and heading of a page."""
    return answer.status_code, answer.text.partition("<h1>")[2].partition("</h1>")[0]


async def runs(api: Api) -> list[dict[str, Any]]:
    return list((await api.caller().get(RUNS)).json())


async def test_an_accepted_link_is_reported_and_checked(api: Api, request_: dict[str, Any]) -> None:
    answer = await accept(api, request_)
    [run] = await runs(api)
    after = await look(api, request_)

    assert outcome(answer) == (200, "Thank you")
    assert (after["state"], after["run_id"], after["verified_at"]) == ("reported", run["id"], None)
    assert after["reported_at"] == after["answered_at"] == run["created_at"]
    assert (run["task_type"], run["requested_by_user_id"]) == ("app.consent", 7)
    assert run["provider_connection_id"] == request_["provider_connection_id"]
    start, resume = await sent(api)
    assert isinstance(start, StartTask)
    assert (start.run_id, start.task_type) == (run["id"], "app.consent")
    assert isinstance(resume, ResumeTask)
    assert resume.run_id == run["id"]


async def test_a_page_is_kept_nowhere_and_loads_nothing(api: Api, request_: dict[str, Any]) -> None:
    answer = await accept(api, request_)

    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for text in (str(TENANT), request_["url"], secret_of(request_), "3f2504e0"):
        assert text not in answer.text


async def test_a_replay_shows_the_same_and_does_nothing(api: Api, request_: dict[str, Any]) -> None:
    first = await accept(api, request_)
    before, said = await look(api, request_), await api.outbox_messages()
    second = await accept(api, request_)

    assert (second.status_code, second.text) == (first.status_code, first.text)
    assert await look(api, request_) == before
    assert await api.outbox_messages() == said


async def test_two_browsers_at_once_start_one_check(api: Api, request_: dict[str, Any]) -> None:
    answers = await asyncio.gather(*(accept(api, request_) for _ in range(8)))

    assert {outcome(answer) for answer in answers} == {(200, "Thank you")}
    assert len(await runs(api)) == 1
    assert [type(command) for command in await sent(api)] == [StartTask, ResumeTask]


async def test_a_refusal_is_declined_although_it_says_consent(api: Api, request_: dict[str, Any]) -> None:
    answer = await refuse(api, request_)
    after = await look(api, request_)

    assert outcome(answer) == (200, "The consent was not given")
    assert "AADSTS" not in answer.text
    assert "script" not in answer.text
    assert (after["state"], after["reported_at"], after["run_id"]) == ("declined", None, None)
    assert await runs(api) == []


async def test_a_refused_link_can_be_accepted_later(api: Api, request_: dict[str, Any]) -> None:
    await refuse(api, request_)
    answer = await accept(api, request_)

    assert outcome(answer) == (200, "Thank you")
    assert (await look(api, request_))["state"] == "reported"
    assert len(await runs(api)) == 1


async def test_a_refusal_takes_no_report_back(api: Api, request_: dict[str, Any]) -> None:
    await accept(api, request_)
    answer = await refuse(api, request_)

    assert outcome(answer) == (200, "The consent was not given")
    assert (await look(api, request_))["state"] == "reported"


async def test_a_consent_of_another_tenant_starts_nothing(api: Api, request_: dict[str, Any]) -> None:
    answer = await accept(api, request_, tenant=STRANGER)

    assert outcome(answer) == (200, "This was another organisation")
    assert STRANGER not in answer.text
    assert (await look(api, request_))["state"] == "wrong_tenant"
    assert await runs(api) == []


async def test_the_tenant_is_compared_without_regard_to_case(api: Api, request_: dict[str, Any]) -> None:
    await accept(api, request_, tenant="3F2504E0-4F89-41D3-9A0C-0305E82C3301")

    assert (await look(api, request_))["state"] == "reported"


async def test_the_right_tenant_may_follow_the_wrong_one(api: Api, request_: dict[str, Any]) -> None:
    await accept(api, request_, tenant=STRANGER)
    await accept(api, request_)

    assert (await look(api, request_))["state"] == "reported"


@pytest.mark.parametrize("spoil", ["", "x", "other"])
async def test_a_forged_state_is_unknown(api: Api, request_: dict[str, Any], spoil: str) -> None:
    secret = {"": "", "x": secret_of(request_) + "x", "other": "A" * 43}[spoil]
    answer = await come_back(api, state=secret, tenant="3f2504e0-4f89-41d3-9a0c-0305e82c3301", admin_consent="True")

    assert outcome(answer) == (400, "This link is not known")
    assert (await look(api, request_))["state"] == "open"


@pytest.mark.parametrize("query", ["", "?state=", "?error=permission_denied", "?tenant=x&admin_consent=True"])
async def test_an_answer_without_state_is_unknown(api: Api, query: str) -> None:
    assert outcome(await api.client({}).get(f"{CALLBACK}{query}")) == (400, "This link is not known")


@pytest.mark.parametrize("more", [{}, {"tenant": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}, {"admin_consent": "True"}])
async def test_a_state_alone_changes_nothing(api: Api, request_: dict[str, Any], more: dict[str, str]) -> None:
    answer = await come_back(api, state=secret_of(request_), **more)

    assert outcome(answer) == (400, "This link is not known")
    assert (await look(api, request_))["state"] == "open"


@pytest.mark.parametrize("name", ["tenant", "admin_consent", "error", "error_description"])
async def test_oversized_parameters_change_nothing(api: Api, request_: dict[str, Any], name: str) -> None:
    query = {"state": secret_of(request_), "admin_consent": "True", name: "<b>" * 3000}
    answer = await come_back(api, **query)

    assert outcome(answer) == (400, "This link is not known")
    assert "<b>" not in answer.text
    assert (await look(api, request_))["state"] == "open"


@pytest.mark.parametrize("path", [CALLBACK, f"{CALLBACK}/"])
async def test_head_answers_no_link(api: Api, request_: dict[str, Any], path: str) -> None:
    query = {"state": secret_of(request_), "tenant": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "admin_consent": "True"}
    answer = await api.caller().request("HEAD", path, params=query)

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "OPTIONS"}
    assert (await look(api, request_))["state"] == "open"


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
async def test_no_other_method_changes_anything(api: Api, request_: dict[str, Any], method: str) -> None:
    query = {"state": secret_of(request_), "tenant": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "admin_consent": "True"}
    answer = await api.client({}).request(method, CALLBACK, params=query)

    assert answer.status_code == 405
    assert (await look(api, request_))["state"] == "open"


async def test_an_expired_link_is_never_reported(api: Api, request_: dict[str, Any]) -> None:
    await expire(api)
    answers = [await accept(api, request_), await refuse(api, request_)]

    assert [outcome(answer) for answer in answers] == [(410, "This link has expired")] * 2
    assert (await look(api, request_))["state"] == "expired"
    assert await runs(api) == []


async def test_a_reported_link_answers_alike_after_its_time(api: Api, request_: dict[str, Any]) -> None:
    await accept(api, request_)
    await expire(api)

    assert outcome(await accept(api, request_)) == (200, "Thank you")


async def test_a_waiting_check_is_resumed(api: Api, request_: dict[str, Any]) -> None:
    run_id = (await api.start("app.consent", user=9)).json()["run_id"]
    later = datetime.now(UTC) + timedelta(hours=1)
    waits = RunProgressed(
        tenant_id=TENANT, run_id=run_id, task_type="app.consent", attempt=1, state=RunState.WAITING, resume_at=later
    )
    await api.begin(run_id, "app.consent")
    await api.consume(waits)
    await accept(api, request_)
    after, run = await look(api, request_), (await runs(api))[0]

    [start, resume] = await sent(api)
    assert isinstance(start, StartTask)
    assert resume == ResumeTask(
        tenant_id=TENANT,
        run_id=run_id,
        requested_by=7,
        requested_at=datetime.fromisoformat(after["reported_at"]),
    )
    assert after["run_id"] == run_id
    assert run["waiting"]["resume_at"] == after["reported_at"]


async def test_a_running_check_is_told_as_well(api: Api, request_: dict[str, Any]) -> None:
    run_id = (await api.start("app.consent")).json()["run_id"]
    await api.begin(run_id, "app.consent")
    await accept(api, request_)

    assert [type(command) for command in await sent(api)] == [StartTask, ResumeTask]


async def test_a_report_holds_although_no_check_can_start(api: Api, request_: dict[str, Any]) -> None:
    await api.caller().post(f"{CONNECTIONS}/{request_['provider_connection_id']}/disable")
    answer = await accept(api, request_)
    after = await look(api, request_)

    assert outcome(answer) == (200, "Thank you")
    assert (after["state"], after["run_id"]) == ("reported", None)


async def test_answers_are_in_history_and_events_of_the_session(api: Api) -> None:
    connection, session = await connect(api), await api.session()
    request = await ask(api)
    await refuse(api, request)
    await refuse(api, request)
    await accept(api, request)
    history = (await api.caller().get(f"{SESSION}/{session['id']}/history")).json()
    answered = [line for line in history if line["action"] == "consent_answered"]

    assert [(line["by_user_id"], line["from"]["state"], line["to"]["state"]) for line in answered] == [
        (7, "declined", "reported"),
        (7, "open", "declined"),
    ]
    events = [event for event in await sent(api, "onboarding.sessions.v1") if isinstance(event, ConsentAnswered)]
    assert events == [
        ConsentAnswered(
            tenant_id=TENANT,
            session_id=session["id"],
            by_user_id=7,
            consent_request_id=request["id"],
            provider_connection_id=connection,
            state=claim,
        )
        for claim in (ConsentClaim.DECLINED, ConsentClaim.REPORTED)
    ]


async def test_an_answer_after_the_session_is_not_told(api: Api) -> None:
    await connect(api)
    session = await api.session()
    request = await ask(api)
    await api.caller().post(f"{SESSION}/{session['id']}/abandon")
    await accept(api, request)

    assert (await look(api, request))["state"] == "reported"
    assert not [event for event in await sent(api, "onboarding.sessions.v1") if isinstance(event, ConsentAnswered)]


async def test_without_its_database_the_page_asks_for_patience(api: Api, request_: dict[str, Any]) -> None:
    await api.rows("ALTER TABLE consent_requests RENAME TO away")
    await api.rows("CREATE VIEW consent_requests AS SELECT a.*, pg_terminate_backend(pg_backend_pid()) FROM away a")
    answer = await accept(api, request_)

    assert outcome(answer) == (503, "Please try again")
