"""Every class of bad input: an answer of the contract's shape with a stable code, and nothing changed."""

from typing import Any

import httpx2
import pytest

from session_api.routes.paging import encode_cursor
from tests.integration.session_api.service import TENANT, Api, connection_body

BASE = f"/tenants/{TENANT}/onboarding"
JSON = {"content-type": "application/json"}
NUL, LONE, TOO_BIG = b"\\u0000", b"\\ud800", 2**63


async def snapshot(api: Api) -> list[Any]:
    """Everything a request could have changed."""
    tables = ("onboarding_sessions", "session_history", "provider_connections", "operation_runs", "outbox")
    return [await api.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


async def refused(api: Api, method: str, path: str, code: str, status: int = 400, **request: Any) -> httpx2.Response:
    """The request is refused with this code and leaves everything as it was."""
    before = await snapshot(api)
    answer = await api.caller().request(method, path, **request)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["error"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert await snapshot(api) == before
    return answer


@pytest.fixture
async def session_path(api: Api) -> str:
    return f"{BASE}/session/{(await api.session())['id']}"


async def test_unknown_body_fields_are_refused(api: Api, session_path: str) -> None:
    answer = await refused(api, "PATCH", session_path, "UNKNOWN_FIELD", json={"step": 2})
    assert answer.json()["field"] == "step"
    await refused(api, "POST", f"{BASE}/tasks/app.consent/runs", "UNKNOWN_FIELD", json={"force": True})
    await refused(api, "POST", f"{BASE}/provider-connections", "UNKNOWN_FIELD", json=connection_body(secret="x"))
    await refused(api, "POST", f"{session_path}/abandon", "UNKNOWN_FIELD", json={"why": "x"})


@pytest.mark.parametrize(
    "body",
    [
        {"current_step": "2"},
        {"current_step": 1.5},
        {"current_step": True},
        {"current_step": None},
        {"current_step": [1]},
        {"assigned_to_user_id": "9"},
        {"assigned_to_user_id": {}},
        {"takeover": "true"},
        {"takeover": 1},
        {"provider_connection_id": "1"},
        {"provider_connection_id": 1.5},
    ],
)
async def test_wrong_types_are_refused(api: Api, session_path: str, body: dict[str, Any]) -> None:
    answer = await refused(api, "PATCH", session_path, "INVALID_FIELD", json=body)

    assert answer.json()["field"] == next(iter(body))


async def test_a_body_that_is_no_object_is_refused(api: Api, session_path: str) -> None:
    for body in (b"[]", b'"text"', b"1", b"null"):
        await refused(api, "PATCH", session_path, "INVALID_FIELD", content=body, headers=JSON)


async def test_steps_out_of_range_are_refused(api: Api, session_path: str) -> None:
    for step in (0, 6, -1, TOO_BIG, 10**30):
        await refused(api, "PATCH", session_path, "INVALID_FIELD", json={"current_step": step})


async def test_user_ids_out_of_range_are_nobodys(api: Api, session_path: str) -> None:
    for user in (0, -1, TOO_BIG, 2**64, 10**30):
        await refused(api, "PATCH", session_path, "USER_NOT_FOUND", 404, json={"assigned_to_user_id": user})


async def test_connection_ids_out_of_range_are_not_found(api: Api, session_path: str) -> None:
    for connection in (0, -1, TOO_BIG, 2**64, 10**30):
        body = {"provider_connection_id": connection}
        for method, path in (("PATCH", session_path), ("POST", f"{BASE}/tasks/app.consent/runs")):
            await refused(api, method, path, "CONNECTION_NOT_FOUND", 404, json=body)


async def test_ids_in_paths_over_63_bits_are_not_found(api: Api) -> None:
    for path in (f"/tenants/{TOO_BIG}/onboarding/session", f"{BASE}/runs/{TOO_BIG}", f"{BASE}/evidence/{10**30}"):
        await refused(api, "GET", path, "INVALID_PATH_ID", 404)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((integer, "INVALID_PATH_ID") for integer in ("0", "-1", "+1", "007", "1_0")),
        *((other, "ROUTE_NOT_FOUND") for other in ("abc", "1.0", "1e3", "%20", "%F0%9F%98%80", "1%2F2")),
    ],
)
async def test_invalid_ids_in_paths_are_not_found(api: Api, text: str, code: str) -> None:
    for path in (f"/tenants/{text}/onboarding/session", f"{BASE}/runs/{text}", f"{BASE}/provider-connections/{text}"):
        await refused(api, "GET", path, code, 404)


async def test_nul_bytes_are_refused_in_every_position(api: Api, session_path: str) -> None:
    body = b'{"reason": "a' + NUL + b'b"}'
    await refused(api, "POST", f"{session_path}/abandon", "NUL_CHARACTER", content=body, headers=JSON)
    await refused(api, "POST", f"{session_path}/abandon", "NUL_CHARACTER", content=b'{"reason": "\x00"}', headers=JSON)
    await refused(api, "POST", f"{BASE}/tasks/app%00consent/runs", "NUL_CHARACTER")
    await refused(api, "GET", f"{BASE}/runs?taskType=a%00b", "NUL_CHARACTER")
    await refused(api, "GET", f"{BASE}/evidence?taskType=%00", "NUL_CHARACTER")


async def test_lone_surrogates_are_refused_in_every_position(api: Api, session_path: str) -> None:
    body = b'{"reason": "' + LONE + b'"}'
    await refused(api, "POST", f"{session_path}/abandon", "LONE_SURROGATE", content=body, headers=JSON)
    await refused(api, "POST", f"{BASE}/tasks/%ED%A0%80/runs", "LONE_SURROGATE")
    await refused(api, "GET", f"{BASE}/runs?taskType=%ED%A0%80", "LONE_SURROGATE")


async def test_what_is_not_json_is_refused(api: Api, session_path: str) -> None:
    for body in (
        b"{",
        b"{'current_step': 1}",
        b"current_step=1",
        b'{"current_step": NaN}',
        b"{} {}",
        b"\xef\xbb\xbf{}",
    ):
        await refused(api, "PATCH", session_path, "INVALID_JSON", content=body, headers=JSON)


async def test_what_is_not_utf8_is_refused(api: Api, session_path: str) -> None:
    await refused(api, "POST", f"{session_path}/abandon", "INVALID_UTF8", content=b'{"reason": "\xff"}', headers=JSON)


async def test_an_empty_body_is_refused_where_one_is_needed(api: Api, session_path: str) -> None:
    await refused(api, "PATCH", session_path, "EMPTY_BODY", content=b"", headers=JSON)
    await refused(api, "POST", f"{BASE}/provider-connections", "EMPTY_BODY", content=b" ", headers=JSON)


async def test_a_body_is_refused_where_none_is_expected(api: Api) -> None:
    await refused(api, "POST", f"{BASE}/session", "BODY_NOT_EXPECTED", json={"current_step": 3})


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
async def test_a_wrong_content_type_is_refused(api: Api, session_path: str, content_type: str) -> None:
    headers = {"content-type": content_type}
    await refused(api, "PATCH", session_path, "UNSUPPORTED_MEDIA_TYPE", 415, content=b"{}", headers=headers)


async def test_nesting_over_32_levels_is_refused(api: Api, session_path: str) -> None:
    body = b'{"current_step": ' + b"[" * 32 + b"]" * 32 + b"}"
    await refused(api, "PATCH", session_path, "NESTING_TOO_DEEP", content=body, headers=JSON)
    deep = b"[" * 30_000 + b"]" * 30_000
    await refused(api, "PATCH", session_path, "NESTING_TOO_DEEP", content=deep, headers=JSON)


async def test_a_body_over_64_kib_is_refused(api: Api, session_path: str) -> None:
    body = b'{"reason": "' + b"a" * 64 * 1024 + b'"}'
    await refused(api, "POST", f"{session_path}/abandon", "BODY_TOO_LARGE", 413, content=body, headers=JSON)


async def test_a_reason_longer_than_4000_characters_is_refused(api: Api, session_path: str) -> None:
    await refused(api, "POST", f"{session_path}/abandon", "INVALID_FIELD", json={"reason": "a" * 4001})


async def test_missing_fields_are_named(api: Api) -> None:
    answer = await refused(
        api, "POST", f"{BASE}/provider-connections", "MISSING_FIELD", json={"provider": "microsoft_graph"}
    )

    assert answer.json()["field"] == "display_name"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "INVALID_PARAMETER"),
        ("limit=201", "INVALID_PARAMETER"),
        ("limit=ten", "INVALID_PARAMETER"),
        ("limit=1&limit=2", "REPEATED_PARAMETER"),
        ("state=finished", "INVALID_PARAMETER"),
        ("state=null", "INVALID_PARAMETER"),
        ("session=null", "INVALID_PARAMETER"),
        ("session=0", "INVALID_PARAMETER"),
        (f"session={TOO_BIG}", "INVALID_PARAMETER"),
        ("color=red", "UNKNOWN_PARAMETER"),
        ("cursor=nonsense", "INVALID_CURSOR"),
        ("cursor=", "INVALID_CURSOR"),
        ("cursor=eyJiZWZvcmUiOjB9", "INVALID_CURSOR"),
        ("cursor=%F0%9F%98%80", "INVALID_CURSOR"),
    ],
)
async def test_bad_query_parameters_are_refused(api: Api, query: str, code: str) -> None:
    await refused(api, "GET", f"{BASE}/runs?{query}", code)


async def test_a_cursor_of_another_list_is_refused(api: Api, session_path: str) -> None:
    for number in range(3):
        await api.connection(str(number))
    link = (await api.caller().get(f"{BASE}/provider-connections?limit=1")).links["next"]["url"]
    cursor = link.rsplit("cursor=", 1)[1]

    await refused(api, "GET", f"{session_path}/history?cursor={cursor}", "INVALID_CURSOR")


@pytest.mark.parametrize(
    "position",
    [
        {"at": "0001-01-01T00:00:00+14:00", "kind": 0, "id": 1},
        {"at": "9999-12-31T23:59:59-14:00", "kind": 0, "id": 1},
        {"at": "2026-01-01T00:00:00", "kind": 0, "id": 1},
        {"at": "2026-01-01T00:00:00Z", "kind": 2**40, "id": 1},
        {"at": "2026-01-01T00:00:00Z", "kind": 0, "id": -(2**63)},
        {"at": "2026-01-01T00:00:00Z", "kind": 0, "id": 2**63},
    ],
)
async def test_a_forged_position_in_the_history_is_refused(
    api: Api, session_path: str, position: dict[str, Any]
) -> None:
    await refused(api, "GET", f"{session_path}/history?cursor={encode_cursor(position)}", "INVALID_CURSOR")


async def test_an_unknown_session_is_not_found(api: Api, session_path: str) -> None:
    for method, path in (
        ("PATCH", f"{BASE}/session/999999"),
        ("POST", f"{BASE}/session/999999/complete"),
        ("POST", f"{BASE}/session/999999/abandon"),
        ("GET", f"{BASE}/session/999999/history"),
    ):
        body = {"json": {}} if method == "PATCH" else {}
        await refused(api, method, path, "SESSION_NOT_FOUND", 404, **body)


async def test_the_session_of_another_tenant_is_not_found(api: Api, session_path: str) -> None:
    path = session_path.replace(f"/tenants/{TENANT}", "/tenants/43")
    answer = await api.caller(7, tenants=[43]).patch(path, json={})

    assert (answer.status_code, answer.json()["code"]) == (404, "SESSION_NOT_FOUND")


async def test_a_method_that_a_path_does_not_have_is_refused(api: Api) -> None:
    answer = await refused(api, "DELETE", f"{BASE}/session", "METHOD_NOT_ALLOWED", 405)

    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("%22;DROP%20TABLE", "TASK_TYPE_UNKNOWN"),
        ("a" * 300, "TASK_TYPE_UNKNOWN"),
        ("%C3%BC", "TASK_TYPE_UNKNOWN"),
        ("..%2f..", "ROUTE_NOT_FOUND"),
    ],
)
async def test_a_strange_task_type_is_unknown(api: Api, name: str, code: str) -> None:
    await refused(api, "POST", f"{BASE}/tasks/{name}/runs", code, 404)


HIDDEN = ["two\nlines", "\u202egpj.exe", "\x1b[31mred", "\x9b31m", "zero\u200bwidth", "end\n"]


@pytest.mark.parametrize("text", HIDDEN, ids=ascii)
async def test_a_text_that_people_see_has_no_hidden_characters(api: Api, session_path: str, text: str) -> None:
    connections = f"/tenants/{TENANT}/onboarding/provider-connections"
    for path, body, field in (
        (connections, connection_body(text), "display_name"),
        (f"{session_path}/abandon", {"reason": text}, "reason"),
    ):
        problem = (await api.caller().post(path, json=body)).json()
        assert (problem["status"], problem["code"], problem["field"]) == (400, "INVALID_FIELD", field)
        assert problem["error"].startswith(f"{field}: May not contain line breaks")
