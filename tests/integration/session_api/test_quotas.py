"""The limits of a tenant."""

import asyncio

import pytest
from sqlalchemy import text

from session_api.domain.starting import Start
from session_api.settings import QuotaSettings, SessionApiSettings
from session_api.store.starts import load_start_context
from tests.integration.session_api.service import TENANT, Api, connection_body

BASE = f"/tenants/{TENANT}/onboarding"
OTHER = TENANT + 1


@pytest.fixture
def settings(settings: SessionApiSettings) -> SessionApiSettings:
    quotas = QuotaSettings().model_copy(update={"connections": 2, "sessions_per_day": 2, "active_runs": 2})
    return settings.model_copy(update={"quotas": quotas})


async def open_and_abandon(api: Api) -> None:
    session = await api.session()
    await api.caller().post(f"{BASE}/session/{session['id']}/abandon")


async def test_a_connection_too_many_is_refused_until_one_is_disabled(api: Api) -> None:
    first = await api.connection("first")
    await api.connection("second")
    body = connection_body("third", client_id="00000000-0000-4000-8000-000000000001")
    refused = await api.caller().post(f"{BASE}/provider-connections", json=body)

    assert (refused.status_code, refused.json()["code"]) == (429, "CONNECTIONS_LIMIT")
    assert "retry-after" not in refused.headers
    await api.caller().post(f"{BASE}/provider-connections/{first}/disable")
    assert (await api.caller().post(f"{BASE}/provider-connections", json=body)).status_code == 201


async def test_parallel_requests_create_no_connection_too_many(api: Api) -> None:
    bodies = [connection_body(external_tenant_id=f"00000000-0000-4000-8000-00000000000{number}") for number in range(6)]
    answers = await asyncio.gather(*(api.caller().post(f"{BASE}/provider-connections", json=body) for body in bodies))

    assert sorted(answer.status_code for answer in answers) == [201, 201, 429, 429, 429, 429]


async def test_a_session_too_many_waits_for_the_end_of_the_day(api: Api) -> None:
    await open_and_abandon(api)
    await open_and_abandon(api)
    refused = await api.caller().post(f"{BASE}/session")

    assert (refused.status_code, refused.json()["code"]) == (429, "SESSIONS_LIMIT")
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
    await api.rows("UPDATE onboarding_sessions SET created_at = created_at - interval '1 day'")
    assert (await api.caller().post(f"{BASE}/session")).status_code == 201


async def test_the_open_session_is_resumed_above_the_limit(api: Api) -> None:
    await open_and_abandon(api)
    session = await api.session()

    assert (await api.session())["id"] == session["id"]


async def test_a_run_too_many_is_refused_and_another_tenants_is_not(api: Api) -> None:
    await api.start("license.inventory")
    await api.start("identity.baseline")
    refused = await api.start("identity.global_admins")
    reused = await api.start("license.inventory")
    neighbour = await api.caller(tenants=[OTHER]).post(f"/tenants/{OTHER}/onboarding/tasks/license.inventory/runs")

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "RUNS_LIMIT", "30")
    assert (reused.status_code, neighbour.status_code) == (201, 201)


async def test_of_a_step_the_runs_within_the_limit_are_started(api: Api) -> None:
    await api.start("identity.baseline")
    answer = await api.caller().post(f"{BASE}/steps/2/runs", json={"include_optional": True})

    assert [task.get("code") for task in answer.json()].count("RUNS_LIMIT") == 1


async def test_a_preflight_tells_that_a_run_is_too_many(api: Api) -> None:
    await api.start("license.inventory")
    await api.start("identity.baseline")

    assert (await api.start("app.consent", {"validate_only": True})).json()["code"] == "RUNS_LIMIT"


async def test_a_start_loads_only_the_connections_it_needs(api: Api) -> None:
    first = await api.connection("first")
    await api.rows(
        """
        INSERT INTO provider_connections (tenant_id, creation_key, provider, display_name, external_tenant_id,
                                          client_id, credential_ref, cloud, created_by_user_id, disabled_at)
        SELECT tenant_id, gen_random_uuid(), provider, display_name, external_tenant_id, client_id, credential_ref,
               cloud, 7, CASE WHEN number % 2 = 0 THEN now() END
        FROM provider_connections, generate_series(1, 5000) AS number WHERE id = :id
        """,
        id=first,
    )
    last = first + 5000
    async with api.service.database.transaction() as tx:
        await tx.execute(text("ANALYZE provider_connections"))
        context = await load_start_context(tx, [Start(TENANT, "graph.connectivity", last, 7, None)])

    ids = sorted(known.id for known in context.connections)
    assert (len(ids), ids[0], ids[-1]) == (21, first, last)
