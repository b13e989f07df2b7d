"""A provider that misleads, floods or breaks off must neither get our token nor an ``ok``."""

import gzip
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from task_runner.tasks import CannotTell, TaskFault
from task_runner.testing import CREDENTIAL, CREDENTIAL_NAME, graph_server, task_context
from tests.integration.graph.hostile import (
    TASKS,
    TOKEN,
    Reply,
    always,
    as_json,
    context_on,
    graph_answers,
    reason_code_of,
)


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CREDENTIAL_NAME, CREDENTIAL)


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:{other}/v1.0/subscribedSkus",
        "https://{host}/x",
        "http://evil@{host}/x",
        "//evil.example/x",
        "http://{host}@127.0.0.1:{other}/x",
        "http://{host}.evil.example/x",
        "http://{host}\\@127.0.0.1:{other}/x",
        "http://127.0.0.1:{other}\\@{host}/x",
        " http://127.0.0.1:{other}/x",
        "/v1.0/subscribedSkus",
        "ftp://{host}/x",
    ],
)
async def test_a_next_page_elsewhere_is_refused_and_gets_no_token(link: str) -> None:
    visits: list[dict[str, str]] = []

    async def elsewhere(path: str, headers: dict[str, str]) -> Reply:
        visits.append(headers)
        return as_json({"value": []})

    async with context_on(elsewhere) as other, graph_server() as server:
        port = other.graph._settings.graph_url.rpartition(":")[2]
        target = link.format(other=port, host=server.url.removeprefix("http://"))
        page = {"value": [], "@odata.nextLink": target}
        async with task_context(server=server, overrides={"/subscribedSkus": page}) as context:
            result = await TASKS["license.inventory"](context)

    assert (result.status.value, result.reason_code) == ("unknown", "GRAPH_LINK_REFUSED")
    assert visits == []


@pytest.mark.parametrize("link", [7, "http://[broken", ""])
async def test_a_broken_next_page_is_refused(link: Any) -> None:
    async with task_context(overrides={"/subscribedSkus": {"value": [], "@odata.nextLink": link}}) as context:
        result = await TASKS["license.inventory"](context)

    assert (result.status.value, result.reason_code) == ("unknown", "GRAPH_LINK_REFUSED")


async def test_pages_that_run_in_a_circle_are_refused() -> None:
    async with graph_server() as server:
        page = {"value": [], "@odata.nextLink": f"{server.url}/v1.0/subscribedSkus"}
        async with task_context(server=server, overrides={"/subscribedSkus": page}) as context:
            result = await TASKS["license.inventory"](context)

    assert (result.status.value, result.reason_code) == ("unknown", "GRAPH_RESPONSE_INVALID")
    assert context.graph.record.count == 1


async def test_a_list_of_too_many_pages_is_refused() -> None:
    skus = [{"skuPartNumber": f"P{number}"} for number in range(12)]
    async with task_context(overrides={"/subscribedSkus": skus}, settings={"max_pages": 3}) as context:
        result = await TASKS["license.inventory"](context)

    assert (result.status.value, result.reason_code) == ("unknown", "RESPONSE_TOO_LARGE")
    assert context.graph.record.count == 3


async def test_a_list_of_too_many_bytes_is_refused() -> None:
    skus = [{"skuPartNumber": "P" * 300} for _ in range(12)]
    async with task_context(overrides={"/subscribedSkus": skus}, settings={"max_list_bytes": 1000}) as context:
        result = await TASKS["license.inventory"](context)

    assert result.reason_code == "RESPONSE_TOO_LARGE"
    assert context.graph.record.count < 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    visits: list[str] = []

    async def elsewhere(path: str, headers: dict[str, str]) -> Reply:
        visits.append(path)
        return as_json({"value": []})

    async with context_on(elsewhere) as other:
        target = f"{other.graph._settings.graph_url}/steal"
        async with context_on(graph_answers((status, {"location": target}, b""))) as context:
            assert await reason_code_of(context) == "GRAPH_REDIRECTED"
        async with context_on(always((status, {"location": target}, b""))) as context:
            assert await reason_code_of(context) == "GRAPH_REDIRECTED"

    assert visits == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"x"', b"\xff\xfe", b'{"value":'])
async def test_a_success_that_is_no_json_object_is_unknown(body: bytes) -> None:
    async with context_on(graph_answers((200, {}, body))) as context:
        assert await reason_code_of(context) == "GRAPH_RESPONSE_INVALID"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"error":"text"}', b'{"error":{"code":1}}'])
async def test_a_refusal_that_is_not_microsofts_says_nothing_about_permissions(body: bytes) -> None:
    async with context_on(graph_answers((403, {}, body)), attempts=1) as context:
        with pytest.raises(TaskFault) as caught:
            await reason_code_of(context)

    assert (caught.value.reason_code, caught.value.retryable) == ("GRAPH_UNAVAILABLE", True)


async def test_a_body_that_is_too_large_is_refused() -> None:
    body = json.dumps({"value": ["x" * 100_000]}).encode()
    async with context_on(graph_answers((200, {}, body)), max_response_bytes=50_000) as context:
        assert await reason_code_of(context) == "RESPONSE_TOO_LARGE"


async def test_a_small_body_that_unpacks_to_much_is_refused() -> None:
    body = gzip.compress(json.dumps({"value": ["x" * 1_000_000]}).encode())
    assert len(body) < 10_000
    headers = {"content-encoding": "gzip"}
    async with context_on(graph_answers((200, headers, body)), max_response_bytes=50_000) as context:
        assert await reason_code_of(context) == "RESPONSE_TOO_LARGE"


async def test_a_server_that_is_not_there_is_a_passing_fault() -> None:
    async with context_on(
        always(as_json({})), graph_url="http://127.0.0.1:9", login_url="http://127.0.0.1:9"
    ) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert (caught.value.reason_code, caught.value.retryable) == ("GRAPH_UNAVAILABLE", True)


async def test_a_request_that_succeeds_after_a_retry_is_no_warning() -> None:
    with capture_logs() as logs:
        async with context_on(graph_answers(as_json({}, 503), as_json({"value": []})), attempts=2) as context:
            assert await context.graph.list("/subscribedSkus") == ()

    assert [line["log_level"] for line in logs if "retr" in line["event"]] == ["debug"]


async def test_a_write_is_not_sent_again_after_a_failure() -> None:
    asked: list[str] = []

    async def failing(path: str, headers: dict[str, str]) -> Reply:
        if path.endswith("/token"):
            return as_json({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})
        asked.append(path)
        return as_json({}, 500)

    async with context_on(failing, attempts=4) as context:
        with pytest.raises(TaskFault):
            await context.graph.post("/servicePrincipals", {"appId": "x"})

    assert len(asked) == 1


async def test_the_http_client_refuses_redirects_and_counts_bytes() -> None:
    async with context_on(
        always((302, {"location": "http://127.0.0.1:9/"}, b"x" * 2000)), max_response_bytes=1000
    ) as context:
        with pytest.raises(CannotTell) as caught:
            await context.http.get(f"{context.graph._settings.graph_url}/x")

    assert caught.value.reason_code == "RESPONSE_TOO_LARGE"


async def test_a_deeply_nested_member_that_was_not_selected_is_malformed() -> None:
    body = b'{"value": [{"id": "x", "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
    async with context_on(graph_answers((200, {}, body))) as context:
        with pytest.raises(CannotTell) as caught:
            await context.graph.list("/users", {"$select": "id"})

    assert caught.value.reason_code == "GRAPH_RESPONSE_INVALID"


async def test_a_list_is_held_without_what_was_not_selected() -> None:
    page = as_json({"value": [{"id": "x", "ballast": "y" * 1000} for _ in range(2000)]})
    memory = 4 * 1024**2
    async with context_on(graph_answers(page), answer_memory=memory) as context:
        items = await context.graph.list("/users", {"$select": "id"})

    assert items == ({"id": "x"},) * 2000


async def test_a_list_over_the_memory_of_the_runner_is_unknown() -> None:
    page = as_json({"value": [{"skuPartNumber": "y" * 1000} for _ in range(2000)]})
    async with context_on(graph_answers(page), answer_memory=4 * 1024**2) as context:
        assert await reason_code_of(context) == "RESPONSE_TOO_LARGE"


async def test_the_end_of_an_attempt_gives_back_the_memory_of_its_answers() -> None:
    page = as_json({"value": [{"id": "x"}] * 1000})
    async with context_on(graph_answers(page)) as context:
        share = context.graph._limits.memory
        await context.graph.list("/users", {"$select": "id"})
        held = share.held
        context.close()

    assert (held > 0, share.held) == (True, 0)
