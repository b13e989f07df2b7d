"""The user who made or disabled a connection is published, once, in the commit of the change."""

from datetime import datetime

from onboarding_shared.contracts.audit import ConnectionCreated, ConnectionDisabled
from tests.integration.session_api.service import TENANT, Api, connection_body

ALL = f"/tenants/{TENANT}/onboarding/provider-connections"


async def test_a_new_connection_is_announced_once(api: Api) -> None:
    created = (await api.caller(8).post(ALL, json=connection_body("main"))).json()
    await api.caller(9).post(ALL, json=connection_body("main"))

    assert await api.audit_events() == [
        ConnectionCreated(
            tenant_id=TENANT,
            by_user_id=8,
            occurred_at=datetime.fromisoformat(created["created_at"]),
            provider_connection_id=created["id"],
            provider="microsoft_graph",
            external_tenant_id="3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            client_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
            credential_ref="graph-main",
            cloud="public",
        )
    ]


async def test_a_refused_connection_is_not_announced(api: Api) -> None:
    await api.caller().post(ALL, json=connection_body("main", credential_ref="a secret"))
    await api.caller(permissions=["onboarding.read"]).post(ALL, json=connection_body("main"))

    assert await api.audit_events() == []


async def test_a_disabled_connection_is_announced_once_with_its_cancelled_runs(api: Api) -> None:
    connection = await api.connection()
    await api.start("graph.connectivity")
    await api.rows("DELETE FROM outbox")
    disabled = (await api.caller(8).post(f"{ALL}/{connection}/disable")).json()
    await api.caller(9).post(f"{ALL}/{connection}/disable")

    assert await api.audit_events() == [
        ConnectionDisabled(
            tenant_id=TENANT,
            by_user_id=8,
            occurred_at=datetime.fromisoformat(disabled["disabled_at"]),
            provider_connection_id=connection,
            cancelled_runs=1,
        )
    ]


async def test_a_connection_of_another_tenant_is_not_announced(api: Api) -> None:
    connection = await api.connection()
    await api.rows("DELETE FROM outbox")
    await api.caller(tenants=[43]).post(f"/tenants/43/onboarding/provider-connections/{connection}/disable")

    assert await api.audit_events() == []
