"""Two instances on one database: the tenant's guard row makes them one."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from onboarding_devstack.identity import Identity
from session_api.app import build
from session_api.settings import SessionApiSettings
from session_api.store.starts import lock_tenants
from tests.integration.session_api.service import TENANT, Api

TENANTS = range(100, 140)


@pytest.fixture
async def other(api: Api, settings: SessionApiSettings, identity: Identity) -> AsyncIterator[Api]:
    made = Api(build(settings), settings, identity)
    yield made
    await made.close()


async def test_identical_starts_at_two_instances_make_one_run(api: Api, other: Api) -> None:
    answers = await asyncio.gather(
        *(instance.start("license.inventory") for _ in range(25) for instance in (api, other))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["run_id"] for answer in answers}) == 1


async def test_two_instances_accept_one_exclusive_start_for_each_tenant(api: Api, other: Api) -> None:
    callers = [instance.caller(7, tenants=list(TENANTS)) for instance in (api, other)]
    answers = await asyncio.gather(
        *(
            caller.post(f"/tenants/{tenant}/onboarding/tasks/{task_type}/runs")
            for tenant in TENANTS
            for caller, task_type in zip(callers, ("app.grant", "app.other_grant"), strict=True)
        )
    )

    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(409)) == (len(TENANTS), len(TENANTS))


async def test_sessions_opened_at_two_instances_are_one(api: Api, other: Api) -> None:
    path = f"/tenants/{TENANT}/onboarding/session"
    callers = [api.caller(7), other.caller(8)]
    answers = await asyncio.gather(*(caller.post(path) for _ in range(10) for caller in callers))

    assert {answer.status_code for answer in answers} == {201}
    assert len({(answer.json()["id"], answer.json()["locked_by_user_id"]) for answer in answers}) == 1


async def test_tenants_locked_in_any_order_by_many_never_deadlock(api: Api, other: Api) -> None:
    async def hold(service: Api, tenants: list[int]) -> None:
        async with service.service.database.transaction() as connection:
            await lock_tenants(connection, tenants)

    forwards, backwards = list(TENANTS), list(reversed(TENANTS))
    await asyncio.gather(*(hold(api, forwards) for _ in range(20)), *(hold(other, backwards) for _ in range(20)))


async def test_a_guard_row_is_locked_until_its_transaction_ends(api: Api, other: Api) -> None:
    order: list[str] = []
    await api.session()

    async with api.service.database.transaction() as connection:
        await lock_tenants(connection, [TENANT])
        waiting = asyncio.create_task(other.caller(7).post(f"/tenants/{TENANT}/onboarding/session"))
        waiting.add_done_callback(lambda _: order.append("other"))
        await asyncio.sleep(0.3)
        order.append("holder")
    await waiting

    assert order == ["holder", "other"]
