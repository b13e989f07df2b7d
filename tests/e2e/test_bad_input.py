"""Bad input to the running system: an answer of the contract's shape with a stable code, and nothing is changed."""

from typing import Any

import httpx2
import pytest

from tests.support.caller import Caller
from tests.support.system import System

pytestmark = pytest.mark.system

TOO_LARGE_ID = 2**63
JSON = "application/json"
DEEP = b'{"current_step": ' + b"[" * 33 + b"]" * 33 + b"}"
BODIES: dict[str, tuple[bytes, str, int, str]] = {
    "an unknown member": (b'{"step": 2}', JSON, 400, "UNKNOWN_FIELD"),
    "a text for a number": (b'{"current_step": "2"}', JSON, 400, "INVALID_FIELD"),
    "a number for a truth": (b'{"takeover": 1}', JSON, 400, "INVALID_FIELD"),
    "a fraction": (b'{"current_step": 1.5}', JSON, 400, "INVALID_FIELD"),
    "null where the contract has none": (b'{"current_step": null}', JSON, 400, "INVALID_FIELD"),
    "step 0": (b'{"current_step": 0}', JSON, 400, "INVALID_FIELD"),
    "step 6": (b'{"current_step": 6}', JSON, 400, "INVALID_FIELD"),
    "a list": (b"[1]", JSON, 400, "INVALID_FIELD"),
    "a bare null": (b"null", JSON, 400, "INVALID_FIELD"),
    "no JSON": (b"{current_step: 2}", JSON, 400, "INVALID_JSON"),
    "half of JSON": (b'{"current_step": 2', JSON, 400, "INVALID_JSON"),
    "NaN": (b'{"current_step": NaN}', JSON, 400, "INVALID_JSON"),
    "no UTF-8": (b'{"reason": "\xff"}', JSON, 400, "INVALID_UTF8"),
    "nothing at all": (b"", JSON, 400, "EMPTY_BODY"),
    "33 levels": (DEEP, JSON, 400, "NESTING_TOO_DEEP"),
    "more than 64 KiB": (b'{"x": "' + b"a" * 65_536 + b'"}', JSON, 413, "BODY_TOO_LARGE"),
    "a form": (b"current_step=2", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
    "plain text": (b'{"current_step": 2}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    "another charset": (b'{"current_step": 2}', "application/json; charset=latin-1", 415, "UNSUPPORTED_MEDIA_TYPE"),
}
NAMES = {
    "a NUL": (b'{"display_name": "a\\u0000b"}', "NUL_CHARACTER"),
    "half of a surrogate pair": (b'{"display_name": "a\\ud800b"}', "LONE_SURROGATE"),
}
PATHS = {
    "zero": "/session/0",
    "one too many": f"/session/{TOO_LARGE_ID}",
    "leading zeros": "/session/007",
    "a plus": "/session/+1",
    "below zero": "/session/-1",
}
TENANTS = [
    *((integer, 404, "INVALID_PATH_ID") for integer in (0, -1, TOO_LARGE_ID, 10**30, "١")),
    *((other, 404, "ROUTE_NOT_FOUND") for other in ("x", "1.0", "1%2f2")),
    ("%00", 400, "NUL_CHARACTER"),
]
QUERIES = [
    *((query, "INVALID_PARAMETER") for query in ("limit=0", "limit=201", "limit=x", "status=good", "run=0")),
    ("since=yesterday", "INVALID_PARAMETER"),
    ("cursor=nonsense", "INVALID_CURSOR"),
    ("page=2", "UNKNOWN_PARAMETER"),
]
TASK_TYPES = [
    ("%00", 400, "NUL_CHARACTER"),
    ("%ff", 400, "INVALID_UTF8"),
    ("%ed%a0%80", 400, "LONE_SURROGATE"),
    ("a" * 5000, 404, "TASK_TYPE_UNKNOWN"),
    ("graph.connectivity%0a", 404, "TASK_TYPE_UNKNOWN"),
    ("../session", 405, "METHOD_NOT_ALLOWED"),
]


def assert_refused(answer: httpx2.Response, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body.get("code")) == (status, code), answer.text
    assert isinstance(body["error"], str)
    assert body["error"]


async def everything(system: System, tenant: int) -> Any:
    """All that session-api keeps of a tenant."""
    content = {}
    for table in ("onboarding_sessions", "session_history", "provider_connections", "operation_runs"):
        rows = await system.rows("session_api", f"SELECT * FROM {table} WHERE tenant_id = $1", tenant)
        content[table] = sorted(map(str, rows))
    return content


@pytest.fixture(scope="module")
def tenant(system: System) -> int:
    return system.new_tenant()


@pytest.fixture
async def caller(system: System, tenant: int) -> Any:
    async with system.caller(tenant) as caller:
        yield caller


async def session_of(caller: Caller) -> int:
    return int((await caller.post("/session")).json()["id"])


@pytest.mark.parametrize("kind", BODIES)
async def test_a_bad_body_is_refused_and_changes_nothing(system: System, caller: Caller, kind: str) -> None:
    body, content_type, status, code = BODIES[kind]
    session = await session_of(caller)
    before = await everything(system, caller.tenant)
    answer = await caller.patch(f"/session/{session}", content=body, headers={"Content-Type": content_type})

    assert_refused(answer, status, code)
    assert await everything(system, caller.tenant) == before


@pytest.mark.parametrize(
    ("member", "code"),
    [("assigned_to_user_id", "USER_NOT_FOUND"), ("provider_connection_id", "CONNECTION_NOT_FOUND")],
)
@pytest.mark.parametrize("value", [0, -1, TOO_LARGE_ID, 2**64, 10**400])
async def test_ids_out_of_range_in_a_body_are_not_found(caller: Caller, member: str, code: str, value: int) -> None:
    session = await session_of(caller)
    answer = await caller.patch(
        f"/session/{session}", content=f'{{"{member}": {value}}}', headers={"Content-Type": JSON}
    )

    assert_refused(answer, 404, code)


@pytest.mark.parametrize("kind", NAMES)
async def test_texts_that_no_database_takes_are_refused(system: System, caller: Caller, kind: str) -> None:
    body, code = NAMES[kind]
    before = await everything(system, caller.tenant)
    answer = await caller.post("/provider-connections", content=body, headers={"Content-Type": JSON})

    assert_refused(answer, 400, code)
    assert await everything(system, caller.tenant) == before


@pytest.mark.parametrize("kind", PATHS)
async def test_a_bad_id_in_the_path_is_not_found(caller: Caller, kind: str) -> None:
    answer = await caller.patch(PATHS[kind], json={})

    assert_refused(answer, 404, "INVALID_PATH_ID")


@pytest.mark.parametrize(("tenant_id", "status", "code"), TENANTS)
async def test_a_tenant_id_that_is_none_is_refused(caller: Caller, tenant_id: object, status: int, code: str) -> None:
    answer = await caller.http.get(f"/tenants/{tenant_id}/onboarding/session")

    assert_refused(answer, status, code)


@pytest.mark.parametrize(("query", "code"), QUERIES)
async def test_a_bad_query_of_evidence_is_refused(caller: Caller, query: str, code: str) -> None:
    answer = await caller.get(f"/evidence?{query}")

    assert_refused(answer, 400, code)


async def test_an_unknown_task_type_is_a_404_listing_known_types(caller: Caller) -> None:
    answer = await caller.post("/tasks/no.such_task/runs")

    assert_refused(answer, 404, "TASK_TYPE_UNKNOWN")
    assert "graph.connectivity" in answer.json()["known_task_types"]


@pytest.mark.parametrize(("task_type", "status", "code"), TASK_TYPES)
async def test_a_task_type_that_is_none_is_refused(caller: Caller, task_type: str, status: int, code: str) -> None:
    answer = await caller.post(f"/tasks/{task_type}/runs")

    assert_refused(answer, status, code)


@pytest.mark.parametrize(
    "value", ["Hunter2", "env:1st", "env:GRAPH_SECRET", "file:relative", "file:/etc/passwd", "vault:x"]
)
async def test_a_credential_without_a_reference_is_refused_and_not_repeated(caller: Caller, value: str) -> None:
    guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    body = {"display_name": "C", "external_tenant_id": guid, "client_id": guid, "credential_ref": value}
    answer = await caller.post("/provider-connections", json=body)

    assert_refused(answer, 400, "CREDENTIAL_NOT_A_REFERENCE")
    assert value not in answer.text


async def test_a_wrong_method_is_refused_with_the_allowed_methods(caller: Caller) -> None:
    answer = await caller.http.delete(caller.path("/session"))

    assert_refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "OPTIONS", "POST"}


async def test_the_methods_of_a_path_can_be_asked_for(caller: Caller) -> None:
    answer = await caller.http.request("OPTIONS", caller.path("/session"))

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_what_is_nowhere_is_not_found(caller: Caller) -> None:
    assert_refused(await caller.get("/nonsense"), 404, "ROUTE_NOT_FOUND")
