"""The edit lock over HTTP: held, expired, taken over."""

from datetime import datetime
from typing import Any

from tests.integration.session_api.service import PERMISSIONS, TENANT, Api

SESSION = f"/tenants/{TENANT}/onboarding/session"


async def expire(api: Api) -> None:
    await api.rows("UPDATE onboarding_sessions SET locked_until = now() - interval '1 second'")


async def test_a_locked_session_names_holder_expiry_and_retry_time(api: Api) -> None:
    session = await api.session(user=7)
    answer = await api.caller(8).patch(f"{SESSION}/{session['id']}", json={"assigned_to_user_id": 8})

    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "EDIT_LOCKED"
    assert body["locked_by_user_id"] == 7
    assert body["locked_until"] == session["locked_until"]
    assert "user 7" in body["error"]
    assert 890 < int(answer.headers["retry-after"]) <= 900


async def test_a_refused_change_leaves_no_trace(api: Api) -> None:
    session = await api.session(user=7)
    await api.caller(8).patch(f"{SESSION}/{session['id']}", json={"assigned_to_user_id": 8})

    assert await api.outbox_messages() == [("SessionStarted", TENANT)]
    assert len(await api.rows("SELECT 1 FROM session_history")) == 1


async def test_an_expired_lock_is_shown_as_free(api: Api) -> None:
    await api.session(user=7)
    await expire(api)
    shown = (await api.caller().get(SESSION)).json()["session"]

    assert (shown["locked_by_user_id"], shown["locked_until"]) == (None, None)


async def test_an_expired_lock_goes_to_the_next_who_changes(api: Api) -> None:
    session = await api.session(user=7)
    await expire(api)
    answer = await api.caller(8).patch(f"{SESSION}/{session['id']}", json={})

    assert answer.json()["locked_by_user_id"] == 8


async def test_an_expired_lock_goes_to_who_resumes(api: Api) -> None:
    await api.session(user=7)
    await expire(api)

    assert (await api.session(user=8))["locked_by_user_id"] == 8


async def test_a_takeover_moves_the_lock_and_is_published(api: Api) -> None:
    session = await api.session(user=7)
    answer = await api.caller(8).patch(f"{SESSION}/{session['id']}", json={"takeover": True})

    assert answer.status_code == 200
    assert answer.json()["locked_by_user_id"] == 8
    assert [name for name, _ in await api.outbox_messages()] == ["SessionStarted", "SessionTakenOver"]
    history = (await api.caller().get(f"{SESSION}/{session['id']}/history")).json()
    assert ("taken_over", 8) in [(line["action"], line["by_user_id"]) for line in history]


async def test_after_a_takeover_the_former_holder_is_locked_out(api: Api) -> None:
    session = await api.session(user=7)
    await api.caller(8).patch(f"{SESSION}/{session['id']}", json={"takeover": True})
    answer = await api.caller(7).patch(f"{SESSION}/{session['id']}", json={})

    assert answer.json()["locked_by_user_id"] == 8


async def test_a_takeover_needs_its_own_permission(api: Api) -> None:
    session = await api.session(user=7)
    without = [name for name in PERMISSIONS if name != "onboarding.takeover"]
    answer = await api.caller(8, permissions=without).patch(f"{SESSION}/{session['id']}", json={"takeover": True})

    assert answer.status_code == 403
    assert answer.json()["permission"] == "onboarding.takeover"
    assert await lock_holder(api) == 7


async def test_the_holder_takes_over_from_nobody(api: Api) -> None:
    session = await api.session(user=7)
    await api.caller(7).patch(f"{SESSION}/{session['id']}", json={"takeover": True})

    assert await api.outbox_messages() == [("SessionStarted", TENANT)]


async def lock_holder(api: Api) -> Any:
    return (await api.caller().get(SESSION)).json()["session"]["locked_by_user_id"]


async def test_the_lock_of_a_new_session_is_published(api: Api) -> None:
    session = await api.session(user=7)

    (message,) = await api.lock_messages()
    assert (message.session_id, message.by_user_id, message.locked_by_user_id) == (session["id"], 7, 7)
    assert message.locked_until == datetime.fromisoformat(session["locked_until"])


async def test_the_lock_of_an_ended_session_is_published_as_free(api: Api) -> None:
    session = await api.session(user=7)
    await api.caller(7).post(f"{SESSION}/{session['id']}/abandon")

    last = (await api.lock_messages())[-1]
    assert (last.by_user_id, last.locked_by_user_id, last.locked_until) == (7, None, None)


async def test_a_takeover_publishes_the_new_holder(api: Api) -> None:
    session = await api.session(user=7)
    await api.caller(8).patch(f"{SESSION}/{session['id']}", json={"takeover": True})

    assert [message.locked_by_user_id for message in await api.lock_messages()] == [7, 8]


async def test_a_lock_that_is_given_back_is_published_as_free(api: Api) -> None:
    session = await api.session(user=7)
    await api.caller(7).post(f"{SESSION}/{session['id']}/release")

    last = (await api.lock_messages())[-1]
    assert (last.by_user_id, last.locked_by_user_id, last.locked_until) == (7, None, None)
