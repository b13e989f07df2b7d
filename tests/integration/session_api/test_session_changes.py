"""PATCH session: steps, assignment, connection, and what it leaves in history and outbox."""

from typing import Any

import httpx2
import pytest

from tests.integration.session_api.service import TENANT, Api

SESSION = f"/tenants/{TENANT}/onboarding/session"


async def patch(api: Api, session_id: int, body: Any, *, user: int = 7) -> httpx2.Response:
    return await api.caller(user).patch(f"{SESSION}/{session_id}", json=body)


async def test_an_empty_object_renews_the_lock_and_changes_nothing_else(api: Api) -> None:
    before = await api.session()
    answer = await patch(api, before["id"], {})

    assert answer.status_code == 200
    after = answer.json()
    assert after.pop("locked_until") > before.pop("locked_until")
    assert after == before


async def test_the_first_change_takes_a_draft_into_progress(api: Api) -> None:
    session = await api.session()
    answer = await patch(api, session["id"], {"assigned_to_user_id": 9})

    assert answer.json()["status"] == "in_progress"
    assert answer.json()["assigned_to_user_id"] == 9


async def test_null_unassigns_and_absence_keeps_the_assignment(api: Api) -> None:
    session = await api.session()
    await patch(api, session["id"], {"assigned_to_user_id": 9})
    kept = await patch(api, session["id"], {})
    removed = await patch(api, session["id"], {"assigned_to_user_id": None})

    assert kept.json()["assigned_to_user_id"] == 9
    assert removed.json()["assigned_to_user_id"] is None


async def test_takeover_null_means_no_takeover(api: Api) -> None:
    session = await api.session(user=7)
    answer = await patch(api, session["id"], {"takeover": None}, user=8)

    assert answer.json()["code"] == "EDIT_LOCKED"


async def test_a_step_forward_needs_the_current_steps_required_tasks(api: Api) -> None:
    session = await api.session()
    answer = await patch(api, session["id"], {"current_step": 2})

    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "STEP_NOT_READY"
    assert body["tasks"] == [{"task_type": "graph.connectivity", "status": "unknown"}]
    assert "graph.connectivity (unknown)" in body["error"]


@pytest.mark.parametrize("status", ["ok", "warn"])
async def test_a_step_forward_needs_required_tasks_with_ok_or_warn(api: Api, status: str) -> None:
    session = await api.session()
    await api.run_to_end("graph.connectivity", status)
    answer = await patch(api, session["id"], {"current_step": 2})

    assert answer.status_code == 200
    assert answer.json()["current_step"] == 2


@pytest.mark.parametrize("status", ["fail", "unknown"])
async def test_a_failed_or_unknown_task_keeps_the_step_closed(api: Api, status: str) -> None:
    session = await api.session()
    await api.run_to_end("graph.connectivity", status)

    assert (await patch(api, session["id"], {"current_step": 2})).json()["code"] == "STEP_NOT_READY"


async def test_two_steps_forward_are_out_of_order(api: Api) -> None:
    session = await api.session()
    answer = await patch(api, session["id"], {"current_step": 3})

    assert answer.status_code == 409
    assert answer.json()["code"] == "STEP_OUT_OF_ORDER"
    assert answer.json()["current_step"] == 1


async def test_steps_back_are_free(api: Api) -> None:
    session = await api.session()
    await api.run_to_end("graph.connectivity")
    await api.run_to_end("app.consent")
    for step in (2, 3):
        await patch(api, session["id"], {"current_step": step})
    answer = await patch(api, session["id"], {"current_step": 1})

    assert answer.status_code == 200
    assert answer.json()["current_step"] == 1


async def test_a_refused_step_discards_the_rest_of_the_request(api: Api) -> None:
    session = await api.session()
    await patch(api, session["id"], {"current_step": 2, "assigned_to_user_id": 9})

    now = (await api.caller().get(SESSION)).json()["session"]
    assert (now["assigned_to_user_id"], now["current_step"], now["status"]) == (None, 1, "draft")


async def test_a_connection_is_chosen_and_given_up(api: Api) -> None:
    session, connection = await api.session(), await api.connection()
    chosen = await patch(api, session["id"], {"provider_connection_id": connection})
    dropped = await patch(api, session["id"], {"provider_connection_id": None})

    assert chosen.json()["provider_connection_id"] == connection
    assert dropped.json()["provider_connection_id"] is None


async def test_an_unknown_connection_cannot_be_chosen(api: Api) -> None:
    session = await api.session()
    answer = await patch(api, session["id"], {"provider_connection_id": 999})

    assert (answer.status_code, answer.json()["code"]) == (404, "CONNECTION_NOT_FOUND")


async def test_a_disabled_connection_cannot_be_chosen(api: Api) -> None:
    session, connection = await api.session(), await api.connection()
    await api.caller().post(f"/tenants/{TENANT}/onboarding/provider-connections/{connection}/disable")
    answer = await patch(api, session["id"], {"provider_connection_id": connection})

    assert (answer.status_code, answer.json()["code"]) == (409, "CONNECTION_DISABLED")


async def test_every_change_publishes_its_event_in_order(api: Api) -> None:
    session, connection = await api.session(), await api.connection()
    await api.run_to_end("graph.connectivity")
    body = {"current_step": 2, "assigned_to_user_id": 9, "provider_connection_id": connection}
    await patch(api, session["id"], body)
    await patch(api, session["id"], body)

    names = [name for name, _ in await api.outbox_messages()]
    assert names == ["SessionStarted", "StartTask", "SessionStepChanged", "SessionAssigned", "SessionConnectionChosen"]


async def test_the_history_lists_users_and_changes_newest_first(api: Api) -> None:
    session = await api.session(user=7)
    run_id = await api.run_to_end("graph.connectivity")
    await patch(api, session["id"], {"current_step": 2, "assigned_to_user_id": 9})
    lines = (await api.caller().get(f"{SESSION}/{session['id']}/history")).json()

    assert [(line["action"], line["from"], line["to"]) for line in lines] == [
        ("assigned", {"assigned_to_user_id": None}, {"assigned_to_user_id": 9}),
        ("step_changed", {"current_step": 1}, {"current_step": 2}),
        ("run_started", None, {"run_id": run_id, "task_type": "graph.connectivity"}),
        ("status_changed", {"status": "draft"}, {"status": "in_progress"}),
        ("session_started", None, {"status": "draft", "current_step": 1}),
    ]
    assert {line["by_user_id"] for line in lines} == {7}
    assert all(line["at"].endswith("Z") for line in lines)


async def test_the_history_comes_in_pages(api: Api) -> None:
    session = await api.session()
    for user in range(20, 25):
        await patch(api, session["id"], {"assigned_to_user_id": user})
    url, pages = f"{SESSION}/{session['id']}/history?limit=3", []
    while url:
        answer = await api.caller().get(url)
        pages.append([line["action"] for line in answer.json()])
        url = answer.links.get("next", {}).get("url", "")

    assert pages == [
        ["assigned", "assigned", "assigned"],
        ["assigned", "status_changed", "assigned"],
        ["session_started"],
    ]
