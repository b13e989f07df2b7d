"""A verdict belongs to the provider connection that it was found with."""

from typing import Any

from tests.integration.session_api.service import CATALOGUE, TENANT, Api, connection_body

BASE = f"/tenants/{TENANT}/onboarding"
CHECK = "graph.connectivity"


async def task(api: Api) -> dict[str, Any]:
    tasks = (await api.caller().get(f"{BASE}/tasks")).json()
    return next(item for item in tasks if item["task_type"] == CHECK)


async def choose(api: Api, session_id: int, connection_id: int, **change: Any) -> Any:
    body = {"provider_connection_id": connection_id, **change}
    return await api.caller().patch(f"{BASE}/session/{session_id}", json=body)


async def test_the_result_of_another_connection_does_not_count(api: Api) -> None:
    session = await api.session()
    first, second = await api.connection("first"), await api.connection("second")
    await choose(api, session["id"], first)
    run_id = await api.run_to_end(CHECK)
    judged = await task(api)
    await choose(api, session["id"], second)

    assert (judged["status"], judged["last_run_id"], judged["provider_connection_id"]) == ("ok", run_id, first)
    after = await task(api)
    assert (after["status"], after["reason_code"], after["last_run_id"]) == ("unknown", "NEVER_RUN", None)
    assert after["provider_connection_id"] == second


async def test_the_result_counts_again_when_its_connection_is_chosen_again(api: Api) -> None:
    session = await api.session()
    first, second = await api.connection("first"), await api.connection("second")
    for connection_id in (first, second, first):
        await choose(api, session["id"], connection_id)
        if connection_id == first and (await task(api))["status"] == "unknown":
            await api.run_to_end(CHECK)

    assert (await task(api))["status"] == "ok"


async def test_a_step_is_not_left_on_the_result_of_another_connection(api: Api) -> None:
    session = await api.session()
    first, second = await api.connection("first"), await api.connection("second")
    await choose(api, session["id"], first)
    await api.run_to_end(CHECK)
    answer = await choose(api, session["id"], second, current_step=2)

    assert (answer.status_code, answer.json()["code"]) == (409, "STEP_NOT_READY")
    assert answer.json()["tasks"] == [{"task_type": CHECK, "status": "unknown"}]


async def test_a_session_is_not_completed_for_a_connection_that_was_not_checked(api: Api) -> None:
    session = await api.session()
    first, second = await api.connection("first"), await api.connection("second")
    await choose(api, session["id"], first)
    for step, task_type in enumerate(CATALOGUE[:5], start=1):
        await api.run_to_end(task_type.name)
        if step < 5:
            await api.caller().patch(f"{BASE}/session/{session['id']}", json={"current_step": step + 1})
    await choose(api, session["id"], second)
    answer = await api.caller().post(f"{BASE}/session/{session['id']}/complete")

    assert (answer.status_code, answer.json()["code"], answer.json()["step"]) == (409, "STEP_NOT_READY", 1)
    await choose(api, session["id"], first)
    assert (await api.caller().post(f"{BASE}/session/{session['id']}/complete")).status_code == 200


async def test_without_a_choice_between_several_no_result_counts(api: Api) -> None:
    await api.connection("first")
    await api.run_to_end(CHECK)
    await api.connection("second")
    judged = await task(api)

    assert (judged["status"], judged["reason_code"]) == ("unknown", "CONNECTION_NOT_CHOSEN")


async def test_a_start_without_a_choice_names_the_connections(api: Api) -> None:
    first, second = await api.connection("first"), await api.connection("second")
    answer = await api.start(CHECK)

    assert (answer.status_code, answer.json()["code"]) == (409, "CONNECTION_NOT_CHOSEN")
    assert answer.json()["provider_connection_ids"] == [first, second]


async def test_a_preflight_without_a_choice_names_the_connections(api: Api) -> None:
    first, second = await api.connection("first"), await api.connection("second")
    answer = await api.caller().post(f"{BASE}/tasks/{CHECK}/runs", json={"validate_only": True})

    assert answer.json()["would"] == "refused"
    [finding] = [item for item in answer.json()["findings"] if item["check"] == "connection"]
    assert (finding["status"], finding["code"]) == ("missing", "CONNECTION_NOT_CHOSEN")
    assert f"{first}, {second}" in finding["message"]


async def test_the_same_connection_again_is_the_first_one(api: Api) -> None:
    first = await api.caller().post(f"{BASE}/provider-connections", json=connection_body("Contoso"))
    again = await api.caller().post(f"{BASE}/provider-connections", json=connection_body("Contoso"))

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]


async def test_the_same_connection_under_another_name_is_refused(api: Api) -> None:
    first = await api.caller().post(f"{BASE}/provider-connections", json=connection_body("Contoso"))
    again = await api.caller().post(f"{BASE}/provider-connections", json=connection_body("Contoso Ltd"))

    assert (again.status_code, again.json()["code"]) == (409, "CONNECTION_EXISTS")
    assert again.json()["provider_connection_id"] == first.json()["id"]


async def test_a_disabled_connection_may_be_created_anew(api: Api) -> None:
    first = await api.caller().post(f"{BASE}/provider-connections", json=connection_body())
    await api.caller().post(f"{BASE}/provider-connections/{first.json()['id']}/disable")
    again = await api.caller().post(f"{BASE}/provider-connections", json=connection_body())

    assert again.status_code == 201
    assert again.json()["id"] != first.json()["id"]
