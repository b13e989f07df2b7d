"""The emulator itself: it refuses what Microsoft refuses, and does what the control requests say."""

from typing import Any

import httpx2
import pytest

from task_runner.testing import CLIENT_ID, CREDENTIAL, GraphServer, graph_server

TENANT = "aaaaaaaa-0000-4000-8000-00000000000e"


async def token(server: GraphServer, tenant: str = TENANT, **form: str) -> httpx2.Response:
    fields = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": CREDENTIAL,
        "scope": "https://graph/.default",
        **form,
    }
    async with httpx2.AsyncClient() as client:
        return await client.post(f"{server.url}/{tenant}/oauth2/v2.0/token", data=fields)


async def get(server: GraphServer, path: str, **headers: str) -> httpx2.Response:
    await server.tell(TENANT)
    access = (await token(server)).json()["access_token"]
    async with httpx2.AsyncClient() as client:
        return await client.get(f"{server.url}/v1.0{path}", headers={"Authorization": f"Bearer {access}", **headers})


@pytest.mark.parametrize(
    ("tenant", "form", "status", "aadsts"),
    [
        (TENANT, {"client_secret": ""}, 401, 7000216),
        (TENANT, {"client_id": ""}, 400, 900144),
        (TENANT, {"grant_type": "password"}, 400, 70003),
        (TENANT, {"scope": "User.Read"}, 400, 1002012),
        ("no-guid", {}, 400, 900023),
    ],
)
async def test_a_wrong_token_request_gets_the_token_services_error(
    tenant: str, form: dict[str, str], status: int, aadsts: int
) -> None:
    async with graph_server() as server:
        answer = await token(server, tenant, **form)

    assert answer.status_code == status
    assert answer.json()["error_codes"] == [aadsts]
    assert answer.json()["error_description"].startswith(f"AADSTS{aadsts}: ")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x.y.z", "Basic eA==", "Bearer é"])
async def test_without_a_token_of_ours_there_is_no_answer(authorization: str) -> None:
    async with graph_server() as server, httpx2.AsyncClient() as client:
        answer = await client.get(
            f"{server.url}/v1.0/organization", headers={"Authorization": authorization.encode("latin-1")}
        )

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert answer.json()["error"]["innerError"]["request-id"] == answer.headers["request-id"]


async def test_an_unknown_path_is_an_error_in_graphs_format() -> None:
    async with graph_server() as server:
        answer = await get(server, "/planets")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


async def test_collections_come_in_small_pages_with_links() -> None:
    async with graph_server() as server:
        answer = (await get(server, "/users?$select=id")).json()

    assert len(answer["value"]) == 2
    assert answer["@odata.nextLink"] == f"{server.url}/v1.0/users?$select=id&$skiptoken=2"
    assert set(answer["value"][0]) == {"id"}


async def test_a_count_needs_eventual_consistency() -> None:
    async with graph_server() as server:
        with_header = (await get(server, "/users?$count=true&$top=1", ConsistencyLevel="eventual")).json()
        without = (await get(server, "/users?$count=true&$top=1")).json()

    assert with_header["@odata.count"] == 10
    assert "@odata.count" not in without


async def test_a_service_principal_is_found_by_filter_too() -> None:
    async with graph_server() as server:
        found = (await get(server, f"/servicePrincipals?$filter=appId eq '{CLIENT_ID}'")).json()["value"]

    assert [item["appId"] for item in found] == [CLIENT_ID]


async def test_a_tenant_can_be_set_shown_and_reset() -> None:
    async with graph_server() as server, httpx2.AsyncClient() as client:
        url = f"{server.url}/_control/tenants/{TENANT}"
        before = (await client.get(url)).json()["control"]["behaviour"]
        changed = await client.put(url, json={"behaviour": "failing", "times": 2})
        during = (await client.get(url)).json()["control"]
        reset = await client.post(f"{server.url}/_control/reset")
        after = (await client.get(url)).json()["control"]["behaviour"]

    assert (before, changed.status_code, during["behaviour"], during["times"]) == ("healthy", 200, "failing", 2)
    assert (reset.status_code, after) == (204, "healthy")


@pytest.mark.parametrize(
    "body", [{"behaviour": "moody"}, {"unknown": 1}, {"times": -1}, {"status": 200}, {"token_error": "x"}, []]
)
async def test_a_wrong_control_request_is_refused(body: Any) -> None:
    async with graph_server() as server, httpx2.AsyncClient() as client:
        answer = await client.put(f"{server.url}/_control/tenants/{TENANT}", json=body)

    assert answer.status_code == 400


async def test_the_server_reports_its_health() -> None:
    async with graph_server() as server, httpx2.AsyncClient() as client:
        assert (await client.get(f"{server.url}/health/ready")).json()["status"] == "UP"
