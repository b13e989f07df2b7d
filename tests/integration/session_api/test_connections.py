"""Provider connections over HTTP: credentials by reference only."""

import pytest

from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import TENANT, Api, connection_body

ALL = f"/tenants/{TENANT}/onboarding/provider-connections"
PARTNER = "a0000000-0000-4000-8000-00000000000c"


@pytest.fixture
def settings(settings: SessionApiSettings) -> SessionApiSettings:
    return settings.model_copy(update={"partner_tenant_id": PARTNER})


async def test_a_connection_is_created_and_found_at_its_location(api: Api) -> None:
    answer = await api.caller(7).post(ALL, json=connection_body("Contoso"))

    assert answer.status_code == 201
    body = answer.json()
    assert body["created_at"].endswith("Z")
    assert {**body, "created_at": None} == {
        **connection_body("Contoso"),
        "id": body["id"],
        "tenant_id": TENANT,
        "enabled": True,
        "created_at": None,
        "created_by_user_id": 7,
        "disabled_at": None,
        "disabled_by_user_id": None,
    }
    assert (await api.caller().get(answer.headers["location"])).json() == body


@pytest.mark.parametrize("text", [PARTNER, PARTNER.upper()])
async def test_the_partners_own_tenant_is_no_customer(api: Api, text: str) -> None:
    answer = await api.caller().post(ALL, json=connection_body(external_tenant_id=text))
    problem = answer.json()

    assert (answer.status_code, problem["code"], problem["field"]) == (
        400,
        "CONNECTION_TO_PARTNER",
        "external_tenant_id",
    )
    assert problem["next"] == "Send the tenant id of the customer: the partner's own tenant is never onboarded."
    assert (await api.caller().get(ALL)).json() == []


@pytest.mark.parametrize("name", ["graph-main", "x", "a" * 63])
async def test_names_of_credentials_are_taken(api: Api, name: str) -> None:
    answer = await api.caller().post(ALL, json=connection_body(credential_ref=name))

    assert (answer.status_code, answer.json()["credential_ref"]) == (201, name)


@pytest.mark.parametrize(
    "value",
    ["s3cr3t-Value~Q", "env:", "env:GRAPH_SECRET", "file:/run/secrets/graph.pem", "1x", "a" * 64, "ENV:X", "", "a\n"],
)
async def test_anything_else_is_refused_without_repeating_it(api: Api, value: str) -> None:
    answer = await api.caller().post(ALL, json=connection_body(credential_ref=value))

    assert (answer.status_code, answer.json()["code"]) == (400, "CREDENTIAL_NOT_A_REFERENCE")
    assert "the operator has defined" in answer.json()["error"]
    assert not value.strip("a\n") or value not in answer.text
    assert (await api.caller().get(ALL)).json() == []


@pytest.mark.parametrize("field", ["external_tenant_id", "client_id"])
@pytest.mark.parametrize("value", ["contoso.onmicrosoft.com", "3f2504e0", "", "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}"])
async def test_ids_at_the_provider_are_guids(api: Api, field: str, value: str) -> None:
    answer = await api.caller().post(ALL, json=connection_body(**{field: value}))

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "INVALID_FIELD", field)


@pytest.mark.parametrize(("field", "value"), [("provider", "okta"), ("cloud", "mars"), ("display_name", "")])
async def test_unknown_providers_clouds_and_empty_names_are_refused(api: Api, field: str, value: str) -> None:
    answer = await api.caller().post(ALL, json=connection_body(**{field: value}))

    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_the_list_is_newest_first_and_comes_in_pages(api: Api) -> None:
    made = [await api.connection(name) for name in ("one", "two", "three")]
    first = await api.caller().get(f"{ALL}?limit=2")
    second = await api.caller().get(first.links["next"]["url"])

    assert [connection["id"] for connection in first.json()] == [made[2], made[1]]
    assert [connection["id"] for connection in second.json()] == [made[0]]
    assert "link" not in second.headers


async def test_disabling_again_keeps_who_did_it_first(api: Api) -> None:
    connection = await api.connection()
    first = await api.caller(8).post(f"{ALL}/{connection}/disable")
    second = await api.caller(9).post(f"{ALL}/{connection}/disable")

    assert (first.status_code, first.json()["enabled"], first.json()["disabled_by_user_id"]) == (200, False, 8)
    assert second.json() == first.json()


async def test_disabling_cancels_the_active_runs_of_the_connection(api: Api) -> None:
    connection = await api.connection("one")
    ended = await api.run_to_end("graph.connectivity")
    other = await api.connection("two")
    running = (await api.start("graph.connectivity", {"provider_connection_id": connection})).json()["run_id"]
    elsewhere = (await api.start("graph.connectivity", {"provider_connection_id": other})).json()["run_id"]
    await api.rows("DELETE FROM outbox")
    await api.caller(8).post(f"{ALL}/{connection}/disable")
    await api.caller(9).post(f"{ALL}/{connection}/disable")

    runs = {run["id"]: run for run in (await api.caller().get(f"/tenants/{TENANT}/onboarding/runs")).json()}
    assert (runs[running]["state"], runs[running]["cancel_requested_by_user_id"]) == ("cancelling", 8)
    assert (runs[ended]["state"], runs[elsewhere]["state"]) == ("succeeded", "queued")
    assert [name for name, _ in await api.outbox_messages()] == ["CancelTask"]


async def test_the_connections_of_another_tenant_are_not_found(api: Api) -> None:
    connection = await api.connection()
    other = api.caller(7, tenants=[43])

    for answer in (
        await other.get(f"/tenants/43/onboarding/provider-connections/{connection}"),
        await other.post(f"/tenants/43/onboarding/provider-connections/{connection}/disable"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "CONNECTION_NOT_FOUND")


async def test_connections_need_their_own_permission(api: Api) -> None:
    caller = api.caller(permissions=["onboarding.read", "onboarding.write", "onboarding.run"])

    assert (await caller.get(ALL)).status_code == 403
    assert (await caller.post(ALL, json=connection_body())).status_code == 403
