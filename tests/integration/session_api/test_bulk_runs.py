"""Runs of several customers are cancelled and retried together, each as it would be alone."""

from typing import Any

import httpx2
import pytest

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from session_api.app import build
from session_api.settings import QuotaSettings, SessionApiSettings
from tests.integration.session_api.service import CATALOGUE, PERMISSIONS, TENANT, Api, make_settings

OTHER = TENANT + 1
CANCEL, RETRY = "/onboarding/runs/cancel", "/onboarding/runs/retry"
TASK = "license.inventory"
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
Names = list[tuple[int, int]]


def caller(api: Api) -> httpx2.AsyncClient:
    return api.caller(tenants=[TENANT, OTHER])


async def start(api: Api, tenant_id: int, task_type: str = TASK) -> int:
    answer = await caller(api).post(f"/tenants/{tenant_id}/onboarding/tasks/{task_type}/runs")
    return int(answer.json()["run_id"])


async def ended(api: Api, tenant_id: int, task_type: str = TASK) -> int:
    run_id = await start(api, tenant_id, task_type)
    await api.finish(run_id, task_type, "fail", tenant_id=tenant_id)
    return run_id


def chosen(names: Names) -> dict[str, Any]:
    return {"runs": [{"tenant_id": tenant_id, "run_id": run_id} for tenant_id, run_id in names]}


async def change(client: httpx2.AsyncClient, path: str, names: Names, **more: Any) -> list[dict[str, Any]]:
    answer = await client.post(path, json=chosen(names), **more)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def codes(results: list[dict[str, Any]]) -> list[str | None]:
    return [result["error"] and result["error"]["code"] for result in results]


async def test_runs_of_two_customers_are_cancelled_together(api: Api) -> None:
    first, second = await start(api, TENANT), await start(api, OTHER)
    results = await change(caller(api), CANCEL, [(OTHER, second), (TENANT, first)])

    assert results == [
        {"tenant_id": OTHER, "run_id": second, "state": "cancelling", "error": None},
        {"tenant_id": TENANT, "run_id": first, "state": "cancelling", "error": None},
    ]
    assert sorted((await api.outbox_messages())[2:]) == [("CancelTask", TENANT), ("CancelTask", OTHER)]


async def test_each_cancellation_is_refused_as_it_would_be_alone(api: Api) -> None:
    active, final = await start(api, OTHER), await ended(api, TENANT)
    names = [(TENANT, 987654), (TENANT, final), (OTHER, active), (TENANT, active), (77, active)]
    results = await change(caller(api), CANCEL, names)

    assert codes(results) == ["RUN_NOT_FOUND", "RUN_ENDED", None, "RUN_NOT_FOUND", "TENANT_NOT_FOUND"]
    assert results[1]["error"] == {
        "code": "RUN_ENDED",
        "error": "The run has ended: succeeded",
        "next": "The run has ended: its state and result are final.",
    }


@pytest.mark.parametrize("path", [CANCEL, RETRY])
async def test_runs_of_each_tenant_need_its_own_permission(api: Api, path: str) -> None:
    first, second = await ended(api, TENANT), await ended(api, OTHER)
    granted = api.caller(8, tenants={TENANT: ["onboarding.read"], OTHER: list(PERMISSIONS)})
    results = await change(granted, path, [(TENANT, first), (OTHER, second)])

    assert codes(results) == ["PERMISSION_MISSING", "RUN_ENDED" if path == CANCEL else None]
    assert await api.rows("SELECT count(*) FROM operation_runs WHERE tenant_id = :tenant", tenant=TENANT) == [(1,)]


async def test_the_platform_permission_alone_changes_no_run(api: Api) -> None:
    run_id = await start(api, TENANT)
    operator = api.caller(1, tenants=[], permissions=["onboarding.platform"])

    assert codes(await change(operator, CANCEL, [(TENANT, run_id)])) == ["TENANT_NOT_FOUND"]


async def test_a_cancellation_makes_no_customer_of_an_unknown_tenant(api: Api) -> None:
    everywhere = api.caller(tenants="all")
    await change(everywhere, CANCEL, [(987654, 1)])
    await everywhere.post("/tenants/987655/onboarding/runs/1/cancel")

    assert await api.rows("SELECT tenant_id FROM tenant_guards") == []


async def test_ended_runs_of_two_customers_are_retried_together(api: Api) -> None:
    first, second = await ended(api, TENANT), await ended(api, OTHER)
    results = await change(caller(api), RETRY, [(TENANT, first), (OTHER, second)])

    assert codes(results) == [None, None]
    retried = await api.rows("SELECT tenant_id, retry_of_run_id FROM operation_runs WHERE state = 'queued' ORDER BY 1")
    assert retried == [(TENANT, first), (OTHER, second)]
    stored = await api.rows("SELECT id FROM operation_runs WHERE state = 'queued' ORDER BY tenant_id")
    assert [result["new_run_id"] for result in results] == [run_id for (run_id,) in stored]


async def test_each_retry_is_refused_as_it_would_be_alone(api: Api) -> None:
    final, active = await ended(api, OTHER, "app.consent"), await start(api, TENANT)
    blocking = await start(api, OTHER, "app.grant")
    results = await change(caller(api), RETRY, [(OTHER, final), (TENANT, active), (OTHER, 987654)])

    assert codes(results) == ["BLOCKED_BY_RUN", "RUN_NOT_ENDED", "RUN_NOT_FOUND"]
    assert f"Blocked by run {blocking} of app.grant" in results[0]["error"]["error"]


async def test_retries_with_the_same_key_take_effect_once(api: Api) -> None:
    names = [(TENANT, await ended(api, TENANT)), (OTHER, await ended(api, OTHER)), (OTHER, 987654)]
    first = await change(caller(api), RETRY, names, headers=KEY)
    await api.finish(first[0]["new_run_id"], TASK)
    again = await change(caller(api), RETRY, names, headers=KEY)
    reused = await caller(api).post(RETRY, json=chosen(names[:1]), headers=KEY)

    assert again == first
    assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert await api.rows("SELECT count(*) FROM operation_runs") == [(4,)]


async def test_retries_keep_the_quota_of_each_tenant(settings: SessionApiSettings, identity: Identity) -> None:
    bounded = make_settings(settings.database.url, identity, quotas=QuotaSettings(active_runs=1))
    api = Api(build(bounded), bounded, identity)
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    names = [(TENANT, await ended(api, TENANT)), (TENANT, await ended(api, TENANT, "app.consent"))]
    results = await change(caller(api), RETRY, [*names, (OTHER, await ended(api, OTHER))])
    await api.close()

    assert codes(results) == [None, "RUNS_LIMIT", None]


@pytest.mark.parametrize("path", [CANCEL, RETRY])
@pytest.mark.parametrize("names", [[], [(TENANT, number) for number in range(1, 102)], [(0, 1)], [(TENANT, 2**63)]])
async def test_the_runs_of_a_request_are_bounded(api: Api, path: str, names: Names) -> None:
    answer = await caller(api).post(path, json=chosen(names))

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FIELD")
