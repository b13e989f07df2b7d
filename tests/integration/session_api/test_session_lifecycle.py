"""Sessions over HTTP: created once, resumed, and seen as the contract has them."""

import asyncio
from datetime import datetime

from tests.integration.session_api.service import TENANT, Api

SESSION = f"/tenants/{TENANT}/onboarding/session"


async def test_a_tenant_without_a_session_has_null(api: Api) -> None:
    answer = await api.caller().get(SESSION)

    assert answer.status_code == 200
    assert answer.json() == {"session": None}


async def test_a_new_session_is_a_draft_locked_by_its_creator(api: Api) -> None:
    answer = await api.caller(7).post(SESSION)

    assert answer.status_code == 201
    body = answer.json()
    until = datetime.fromisoformat(body.pop("locked_until"))
    assert 890 < (until - datetime.now(until.tzinfo)).total_seconds() <= 901
    assert body == {
        "id": body["id"],
        "tenant_id": TENANT,
        "provider_connection_id": None,
        "status": "draft",
        "current_step": 1,
        "assigned_to_user_id": None,
        "locked_by_user_id": 7,
    }


async def test_posting_again_resumes_the_same_session_with_201(api: Api) -> None:
    first = await api.caller(7).post(SESSION)
    second = await api.caller(7).post(SESSION)

    assert second.status_code == 201
    assert second.json()["id"] == first.json()["id"]


async def test_resuming_another_ones_session_leaves_its_lock(api: Api) -> None:
    await api.caller(7).post(SESSION)
    answer = await api.caller(8).post(SESSION)

    assert answer.status_code == 201
    assert answer.json()["locked_by_user_id"] == 7


async def test_fifty_concurrent_posts_make_one_session(api: Api) -> None:
    caller = api.caller(7)
    answers = await asyncio.gather(*(caller.post(SESSION) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await api.outbox_messages() == [("SessionStarted", TENANT)]


async def test_the_open_session_is_returned_by_get(api: Api) -> None:
    posted = (await api.caller().post(SESSION)).json()
    answer = await api.caller().get(SESSION)

    assert answer.json()["session"]["id"] == posted["id"]
