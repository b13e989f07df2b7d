"""Tenant bindings: who sets them, and what a connection without one cannot do."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.audit import TenantBindingRemoved, TenantBindingSet
from onboarding_shared.contracts.session_api import CancelTask, StartTask
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.contracts.types import Mode, RunState, Scope
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.consent_harness import sent
from tests.integration.session_api.service import CATALOGUE, PERMISSIONS, TENANT, Api, connection_body, declaration

BINDINGS = "/onboarding/tenant-bindings"
CONTOSO = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
ITEM = f"{BINDINGS}/public/{CONTOSO}"
CLIENT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
ATTACKER = TENANT + 1
AUDIT = "onboarding.audit.session-api.v1"


def binding(tenant: int = TENANT, **more: Any) -> dict[str, Any]:
    return {"tenant_id": tenant, "client_id": CLIENT, "credential": "graph-main", **more}


@pytest.fixture
async def strict(settings: SessionApiSettings, identity: Identity) -> AsyncIterator[Api]:
    """A service whose callers bind nothing by themselves."""
    api = Api(build(settings), settings, identity, binds=False)
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    yield api
    await api.close()


def operator(api: Api) -> httpx2.AsyncClient:
    return api.caller(1, tenants=[], permissions=["onboarding.platform"])


async def bind(api: Api, tenant: int = TENANT, **more: Any) -> None:
    answer = await operator(api).put(ITEM, json=binding(tenant, **more))
    assert answer.status_code == 200, answer.text


async def connect(api: Api, tenant: int = TENANT, **more: Any) -> httpx2.Response:
    caller = api.caller(tenants=[tenant])
    return await caller.post(f"/tenants/{tenant}/onboarding/provider-connections", json=connection_body(**more))


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_nothing_is_bound_at_first(strict: Api) -> None:
    answer = await connect(strict)

    assert code(answer) == (409, "CONNECTION_NOT_BOUND")
    assert "operator" in answer.json()["next"]


async def test_another_tenants_microsoft_tenant_is_refused(strict: Api) -> None:
    await bind(strict)

    assert (await connect(strict)).status_code == 201
    assert code(await connect(strict, ATTACKER)) == (409, "CONNECTION_NOT_BOUND")


@pytest.mark.parametrize("changed", [{"client_id": CONTOSO}, {"credential_ref": "graph-other"}, {"cloud": "china"}])
async def test_application_credential_and_cloud_are_bound_too(strict: Api, changed: dict[str, str]) -> None:
    await bind(strict)

    assert code(await connect(strict, **changed)) == (409, "CONNECTION_NOT_BOUND")


async def test_only_the_platform_permission_binds(strict: Api) -> None:
    technician = strict.caller(permissions=PERMISSIONS)
    for answer in (
        await technician.put(ITEM, json=binding()),
        await technician.delete(ITEM),
        await technician.get(BINDINGS),
    ):
        assert code(answer) == (403, "PERMISSION_MISSING")
        assert answer.json()["permission"] == "onboarding.platform"


async def test_a_permission_within_a_tenant_is_not_the_platforms(strict: Api) -> None:
    caller = strict.caller(tenants={TENANT: ["onboarding.platform"]})

    assert code(await caller.put(ITEM, json=binding())) == (403, "PERMISSION_MISSING")


async def test_a_microsoft_tenant_has_one_binding(strict: Api) -> None:
    await bind(strict)
    await bind(strict)
    await bind(strict, ATTACKER)

    listed = (await operator(strict).get(BINDINGS)).json()
    assert [(item["tenant_id"], item["external_tenant_id"]) for item in listed] == [(ATTACKER, CONTOSO)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{BINDINGS}/mars/{CONTOSO}", binding()),
        (f"{BINDINGS}/public/contoso", binding()),
        (ITEM, binding(client_id="x")),
        (ITEM, binding(credential="S3cret~Value")),
    ],
)
async def test_a_wrong_binding_is_refused_without_its_values(strict: Api, path: str, body: dict[str, Any]) -> None:
    answer = await operator(strict).put(path, json=body)

    assert answer.status_code == 400
    assert "S3cret" not in answer.text


async def test_a_lost_binding_cancels_runs_and_refuses_starts(strict: Api) -> None:
    await bind(strict)
    connection = (await connect(strict)).json()["id"]
    run = (await strict.start("graph.connectivity")).json()["run_id"]

    removed = await operator(strict).delete(ITEM)
    again = await operator(strict).delete(ITEM)

    assert (removed.json(), again.json()) == ({"removed": True}, {"removed": False})
    looked = await strict.caller().get(f"/tenants/{TENANT}/onboarding/runs/{run}")
    assert looked.json()["state"] == "cancelling"
    assert code(await strict.start("graph.connectivity")) == (409, "CONNECTION_NOT_BOUND")
    assert code(await strict.start("graph.connectivity", {"provider_connection_id": connection})) == (
        409,
        "CONNECTION_NOT_BOUND",
    )
    assert [type(message) for message in await sent(strict)] == [StartTask, CancelTask]
    asked = await strict.caller().post(f"/tenants/{TENANT}/onboarding/consent-requests")
    assert code(asked)[0] in (409, 503)


async def test_a_rebind_takes_the_microsoft_tenant_from_its_tenant(strict: Api) -> None:
    await bind(strict)
    await connect(strict)
    run = (await strict.start("graph.connectivity")).json()["run_id"]
    assert code(await operator(strict).put(ITEM, json=binding(ATTACKER))) == (409, "BINDING_IN_USE")
    await operator(strict).delete(ITEM)
    assert code(await operator(strict).put(ITEM, json=binding(ATTACKER))) == (409, "BINDING_IN_USE")
    await strict.finish(run, "graph.connectivity", "unknown", state=RunState.CANCELLED)
    await bind(strict, ATTACKER)

    assert code(await strict.start("graph.connectivity")) == (409, "CONNECTION_NOT_BOUND")
    assert (await connect(strict, ATTACKER)).status_code == 201
    told = [event for event in await sent(strict, AUDIT) if isinstance(event, TenantBindingSet | TenantBindingRemoved)]
    assert [(type(event), event.tenant_id, event.by_user_id, event.cancelled_runs) for event in told] == [
        (TenantBindingSet, TENANT, 1, 0),
        (TenantBindingRemoved, TENANT, 1, 1),
        (TenantBindingSet, ATTACKER, 1, 0),
    ]


async def test_one_of_two_tenants_bound_at_once_stays(strict: Api) -> None:
    await asyncio.gather(*(bind(strict, tenant) for tenant in (TENANT, ATTACKER)))

    connected = [(await connect(strict, tenant)).status_code for tenant in (TENANT, ATTACKER)]
    assert sorted(connected) == [201, 409]


async def test_two_connections_to_one_microsoft_tenant_share_a_guard(api: Api) -> None:
    change = declaration("app.change", scope=Scope.CONNECTION, mode=Mode.EXCLUSIVE, required=False)
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(*CATALOGUE, change)))
    first = (await connect(api)).json()["id"]
    other = await api.connection("elsewhere")
    run = (await api.start("app.change", {"provider_connection_id": first})).json()["run_id"]

    await bind(api, client_id=CONTOSO)
    second = (await connect(api, client_id=CONTOSO)).json()["id"]
    blocked = await api.start("app.change", {"provider_connection_id": second})
    independent = await api.start("app.change", {"provider_connection_id": other})

    assert code(blocked) == (409, "BLOCKED_BY_RUN")
    assert blocked.json()["blocking_run"]["run_id"] == run
    assert independent.status_code == 201
