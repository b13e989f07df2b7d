"""Requests with an Idempotency-Key take effect once, and their answer is repeated."""

import asyncio

import pytest
from sqlalchemy import text

from session_api.domain.idempotency import KeyedRequest
from session_api.store.idempotency import lock_keys
from tests.integration.session_api.service import TENANT, Api, connection_body

BASE = f"/tenants/{TENANT}/onboarding"
START = f"{BASE}/tasks/license.inventory/runs"
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


async def test_a_start_with_the_same_key_makes_no_second_run(api: Api) -> None:
    first = await api.caller().post(START, headers=KEY)
    await api.finish(first.json()["run_id"], "license.inventory")
    again = await api.caller().post(START, headers=KEY)

    assert (again.status_code, again.json(), again.headers["location"]) == (
        201,
        first.json(),
        first.headers["location"],
    )
    assert await api.rows("SELECT count(*) FROM operation_runs") == [(1,)]


async def test_a_retry_with_the_same_key_makes_no_second_run(api: Api) -> None:
    ended = await api.run_to_end("license.inventory")
    first = await api.caller().post(f"{BASE}/runs/{ended}/retry", headers=KEY)
    await api.finish(first.json()["run_id"], "license.inventory")
    again = await api.caller().post(f"{BASE}/runs/{ended}/retry", headers=KEY)

    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_step_with_the_same_key_starts_nothing_again(api: Api) -> None:
    first = await api.caller().post(f"{BASE}/steps/3/runs", headers=KEY)
    await api.finish(first.json()[0]["run_id"], "license.inventory")
    again = await api.caller().post(f"{BASE}/steps/3/runs", headers=KEY)

    assert (again.status_code, again.json()) == (200, first.json())


async def test_an_opening_with_the_same_key_opens_no_second_session(api: Api) -> None:
    first = await api.caller().post(f"{BASE}/session", headers=KEY)
    await api.caller().post(f"{BASE}/session/{first.json()['id']}/abandon")
    again = await api.caller().post(f"{BASE}/session", headers=KEY)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["etag"] == first.headers["etag"]
    assert (await api.caller().get(f"{BASE}/session")).json() == {"session": None}


async def test_a_connection_with_the_same_key_is_answered_as_created(api: Api) -> None:
    url = f"{BASE}/provider-connections"
    first = await api.caller().post(url, headers=KEY, json=connection_body())
    again = await api.caller().post(url, headers=KEY, json=connection_body())

    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_key_with_another_body_is_refused(api: Api) -> None:
    await api.caller().post(START, headers=KEY)
    for url, body in ((START, {"dry_run": False}), (f"{BASE}/tasks/identity.baseline/runs", {})):
        refused = await api.caller().post(url, headers=KEY, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_key_belongs_to_a_caller_an_operation_and_a_tenant(api: Api) -> None:
    await api.caller(7).post(START, headers=KEY)
    other = f"/tenants/{TENANT + 1}/onboarding/tasks/license.inventory/runs"
    answers = [
        await api.caller(8).post(f"{BASE}/tasks/identity.baseline/runs", headers=KEY),
        await api.caller(7).post(f"{BASE}/session", headers=KEY),
        await api.caller(7, tenants=[TENANT + 1]).post(other, headers=KEY),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert answers[2].json()["outcome"] == "created"


async def test_a_refused_start_may_be_sent_again_with_its_key(api: Api) -> None:
    blocking = (await api.start("app.grant")).json()["run_id"]
    refused = await api.caller().post(f"{BASE}/tasks/app.other_grant/runs", headers=KEY)
    await api.finish(blocking, "app.grant")
    again = await api.caller().post(f"{BASE}/tasks/app.other_grant/runs", headers=KEY)

    assert (refused.status_code, again.status_code) == (409, 201)


async def test_a_key_in_progress_is_refused(api: Api) -> None:
    request = KeyedRequest(TENANT, 7, "startRun", KEY["Idempotency-Key"].strip('"'), b"")
    async with api.service.database.transaction() as tx:
        assert await lock_keys(tx, [request]) == [True]
        refused = await api.caller(7).post(START, headers=KEY)
        neighbour = await api.caller(7).post(START, headers={"Idempotency-Key": "other"})

    assert (refused.status_code, refused.json()["code"]) == (409, "IDEMPOTENCY_KEY_IN_PROGRESS")
    assert refused.headers["retry-after"] == "1"
    assert neighbour.status_code == 201


async def test_of_parallel_requests_with_a_key_one_takes_effect(api: Api) -> None:
    answers = await asyncio.gather(*(api.caller(7).post(START, headers=KEY) for _ in range(20)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["outcome"] for answer in answers if answer.status_code == 201} == {"created"}
    assert await api.outbox_messages() == [("StartTask", TENANT)]


@pytest.mark.parametrize("key", ["", '""', "a b", "k" * 129, 'a"b', "a\\b", '"a'])
async def test_a_malformed_key_is_refused(api: Api, key: str) -> None:
    refused = await api.caller().post(START, headers={"Idempotency-Key": key})

    assert (refused.status_code, refused.json()["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")
    assert await api.rows("SELECT count(*) FROM operation_runs") == [(0,)]


async def test_an_old_key_counts_no_more_and_is_deleted(api: Api) -> None:
    first = (await api.caller().post(START, headers=KEY)).json()
    await api.finish(first["run_id"], "license.inventory")
    await api.rows("UPDATE idempotency_keys SET created_at = now() - interval '1 day'")
    second = (await api.caller().post(START, headers=KEY)).json()
    await api.rows("UPDATE idempotency_keys SET created_at = now() - interval '1 day'")

    assert second["run_id"] != first["run_id"]
    assert await api.service.sweeper.prune() == 1
    assert await api.rows("SELECT count(*) FROM idempotency_keys") == [(0,)]


async def test_a_key_is_kept_only_with_its_change(api: Api) -> None:
    await api.rows("ALTER TABLE idempotency_keys ADD CONSTRAINT none_at_all CHECK (false)")
    with pytest.raises(Exception, match="none_at_all"):
        async with api.service.database.transaction() as tx:
            await tx.execute(text("INSERT INTO idempotency_keys VALUES (1, 1, '', '', sha256(''), 1, '{}', '')"))
    answer = await api.caller().post(START, headers=KEY)

    assert answer.status_code == 500
    assert await api.rows("SELECT count(*) FROM operation_runs") == [(0,)]
