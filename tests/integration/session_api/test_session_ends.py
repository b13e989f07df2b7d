"""Completing and abandoning a session."""

from tests.integration.session_api.service import CATALOGUE, TENANT, Api

SESSION = f"/tenants/{TENANT}/onboarding/session"


async def at_last_step(api: Api) -> int:
    session = await api.session()
    for task_type in CATALOGUE:
        if task_type.required:
            await api.run_to_end(task_type.name)
    for step in (2, 3, 4, 5):
        answer = await api.caller().patch(f"{SESSION}/{session['id']}", json={"current_step": step})
        assert answer.status_code == 200, answer.text
    return int(session["id"])


async def test_a_session_is_completed_from_its_last_step(api: Api) -> None:
    session_id = await at_last_step(api)
    answer = await api.caller().post(f"{SESSION}/{session_id}/complete")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["locked_by_user_id"]) == ("completed", None)
    assert (await api.outbox_messages())[-1] == ("SessionCompleted", TENANT)
    assert (await api.caller().get(SESSION)).json() == {"session": None}


async def test_completing_again_answers_the_same_without_a_second_event(api: Api) -> None:
    session_id = await at_last_step(api)
    await api.caller().post(f"{SESSION}/{session_id}/complete")
    answer = await api.caller().post(f"{SESSION}/{session_id}/complete")

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert [name for name, _ in await api.outbox_messages()].count("SessionCompleted") == 1


async def test_a_session_is_not_completed_before_its_last_step(api: Api) -> None:
    session = await api.session()
    answer = await api.caller().post(f"{SESSION}/{session['id']}/complete")

    assert (answer.status_code, answer.json()["code"]) == (409, "STEP_OUT_OF_ORDER")


async def test_a_session_is_not_completed_while_a_required_task_fails(api: Api) -> None:
    session_id = await at_last_step(api)
    await api.run_to_end("identity.global_admins", "fail")
    answer = await api.caller().post(f"{SESSION}/{session_id}/complete")

    assert answer.json()["code"] == "STEP_NOT_READY"
    assert answer.json()["tasks"] == [{"task_type": "identity.global_admins", "status": "fail"}]


async def test_completing_needs_the_lock(api: Api) -> None:
    session_id = await at_last_step(api)
    answer = await api.caller(8).post(f"{SESSION}/{session_id}/complete")

    assert answer.json()["code"] == "EDIT_LOCKED"


async def test_a_session_is_abandoned_from_any_step_with_a_reason(api: Api) -> None:
    session = await api.session()
    answer = await api.caller().post(f"{SESSION}/{session['id']}/abandon", json={"reason": "Customer left"})

    assert (answer.status_code, answer.json()["status"]) == (200, "abandoned")
    history = (await api.caller().get(f"{SESSION}/{session['id']}/history")).json()
    assert (history[0]["action"], history[0]["to"]["reason"]) == ("session_abandoned", "Customer left")


async def test_abandoning_needs_no_reason(api: Api) -> None:
    session = await api.session()

    assert (await api.caller().post(f"{SESSION}/{session['id']}/abandon")).status_code == 200


async def test_a_closed_session_cannot_be_changed(api: Api) -> None:
    session = await api.session()
    await api.caller().post(f"{SESSION}/{session['id']}/abandon")
    answer = await api.caller().patch(f"{SESSION}/{session['id']}", json={})

    assert (answer.status_code, answer.json()["code"]) == (409, "SESSION_CLOSED")


async def test_an_abandoned_session_cannot_be_completed(api: Api) -> None:
    session = await api.session()
    await api.caller().post(f"{SESSION}/{session['id']}/abandon")

    assert (await api.caller().post(f"{SESSION}/{session['id']}/complete")).json()["code"] == "SESSION_CLOSED"


async def test_after_the_end_a_new_session_opens(api: Api) -> None:
    first = await api.session()
    await api.caller().post(f"{SESSION}/{first['id']}/abandon")
    second = await api.session(user=8)

    assert second["id"] != first["id"]
    assert (second["status"], second["locked_by_user_id"]) == ("draft", 8)


async def test_the_history_of_a_closed_session_stays(api: Api) -> None:
    session = await api.session()
    await api.caller().post(f"{SESSION}/{session['id']}/abandon")

    assert len((await api.caller().get(f"{SESSION}/{session['id']}/history")).json()) == 2
