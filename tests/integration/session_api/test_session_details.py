"""Sessions in any status with their times, and the release of the edit lock."""

from tests.integration.session_api.service import TENANT, Api

BASE = f"/tenants/{TENANT}/onboarding"


async def test_an_abandoned_session_can_still_be_read(api: Api) -> None:
    session = await api.session()
    await api.caller().post(f"{BASE}/session/{session['id']}/abandon")
    answer = await api.caller().get(f"{BASE}/session/{session['id']}")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["completed_at"], body["version"]) == ("abandoned", None, answer.headers["etag"])
    assert body["created_at"] <= body["updated_at"]


async def test_the_version_is_what_if_match_expects(api: Api) -> None:
    session = await api.session()
    version = (await api.caller().get(f"{BASE}/session/{session['id']}")).json()["version"]
    answer = await api.caller().patch(f"{BASE}/session/{session['id']}", json={}, headers={"if-match": version})
    assert answer.status_code == 200


async def test_a_session_of_another_tenant_is_not_found(api: Api) -> None:
    session = await api.session()
    answer = await api.caller(tenants=(43,)).get(f"/tenants/43/onboarding/session/{session['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "SESSION_NOT_FOUND")


async def test_sessions_are_listed_newest_first(api: Api) -> None:
    first = await api.session()
    await api.caller().post(f"{BASE}/session/{first['id']}/abandon")
    second = await api.session()
    answer = await api.caller().get(f"{BASE}/sessions")
    assert [session["id"] for session in answer.json()] == [second["id"], first["id"]]


async def test_a_released_lock_is_free_for_another_user(api: Api) -> None:
    session = await api.session()
    released = await api.caller().post(f"{BASE}/session/{session['id']}/release")
    assert (released.status_code, released.json()["locked_by_user_id"]) == (200, None)
    answer = await api.caller(8).patch(f"{BASE}/session/{session['id']}", json={})
    assert (answer.status_code, answer.json()["locked_by_user_id"]) == (200, 8)


async def test_another_users_lock_cannot_be_released(api: Api) -> None:
    session = await api.session()
    answer = await api.caller(8).post(f"{BASE}/session/{session['id']}/release")
    assert (answer.status_code, answer.json()["code"]) == (409, "EDIT_LOCKED")


async def test_the_history_names_who_released_the_lock(api: Api) -> None:
    session = await api.session()
    await api.caller().post(f"{BASE}/session/{session['id']}/release")
    entry = (await api.caller().get(f"{BASE}/session/{session['id']}/history")).json()[0]
    assert (entry["action"], entry["by_user_id"], entry["from"]) == ("lock_released", 7, {"locked_by_user_id": 7})


async def test_a_free_lock_is_released_again_without_effect(api: Api) -> None:
    session = await api.session()
    path = f"{BASE}/session/{session['id']}/release"
    await api.caller().post(path)
    assert (await api.caller().post(path)).status_code == 200
    history = (await api.caller().get(f"{BASE}/session/{session['id']}/history")).json()
    assert [entry["action"] for entry in history].count("lock_released") == 1
