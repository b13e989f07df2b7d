"""A provider that misleads, floods or breaks off must neither get our token nor an ``ok``."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import CannotTell, TaskContext, TaskFault, discover
from task_runner.testing import CREDENTIAL, CREDENTIAL_NAME, connection_to, graph_server, serving, task_context

TASKS = discover()
TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
TOKEN = "a-token-that-nobody-else-may-see"

Reply = tuple[int, dict[str, str], bytes]
Answer = Callable[[str, dict[str, str]], Awaitable[Reply]]


def as_json(body: Any, status: int = 200, **headers: str) -> Reply:
    return status, {"content-type": "application/json", **headers}, json.dumps(body).encode()


@asynccontextmanager
async def context_on(answer: Answer, **settings: Any) -> AsyncIterator[TaskContext]:
    """A context whose provider answers as the given function says, with the path and the request's headers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (event := (await receive())["type"]) != "lifespan.shutdown":
                await send({"type": f"{event}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        status, extra, body = await answer(scope["path"], headers)
        lines = [(key.encode(), value.encode()) for key, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    async with serving(app) as url:
        limits = {"graph_url": url, "login_url": url, "attempts": 1, **settings}
        async with Providers(ProviderSettings(**limits)) as providers:
            yield providers.context_for(
                tenant_id=1,
                run_id=1,
                attempt=1,
                connection=connection_to(TENANT),
                deadline=time.monotonic() + 10,
            )


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CREDENTIAL_NAME, CREDENTIAL)


def graph_answers(*replies: Reply) -> Answer:
    """The token service works; Graph gives these replies, the last one for ever."""
    left = list(replies)

    async def answer(path: str, headers: dict[str, str]) -> Reply:
        if path.endswith("/token"):
            return as_json({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


async def told(context: TaskContext) -> str:
    result = await TASKS["license.inventory"](context)
    assert result.status.value == "unknown"
    assert TOKEN not in repr(result)
    assert CREDENTIAL not in repr(result)
    return result.reason_code


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
            assert await told(context) == "GRAPH_REDIRECTED"
        async with context_on(always((status, {"location": target}, b""))) as context:
            assert await told(context) == "GRAPH_REDIRECTED"

    assert visits == []


def always(reply: Reply) -> Answer:
    async def answer(path: str, headers: dict[str, str]) -> Reply:
        return reply

    return answer


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"x"', b"\xff\xfe", b'{"value":'])
async def test_a_success_that_is_no_json_object_is_unknown(body: bytes) -> None:
    async with context_on(graph_answers((200, {}, body))) as context:
        assert await told(context) == "GRAPH_RESPONSE_INVALID"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"error":"text"}', b'{"error":{"code":1}}'])
async def test_a_refusal_of_any_shape_is_understood_by_its_status(body: bytes) -> None:
    async with context_on(graph_answers((403, {}, body))) as context:
        assert await told(context) == "GRAPH_FORBIDDEN"


async def test_a_body_that_is_too_large_is_refused() -> None:
    body = json.dumps({"value": ["x" * 100_000]}).encode()
    async with context_on(graph_answers((200, {}, body)), max_response_bytes=50_000) as context:
        assert await told(context) == "RESPONSE_TOO_LARGE"


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused() -> None:
    body = gzip.compress(json.dumps({"value": ["x" * 1_000_000]}).encode())
    assert len(body) < 10_000
    headers = {"content-encoding": "gzip"}
    async with context_on(graph_answers((200, headers, body)), max_response_bytes=50_000) as context:
        assert await told(context) == "RESPONSE_TOO_LARGE"


async def test_a_token_answer_that_is_too_large_is_refused() -> None:
    async with context_on(always((200, {}, b"x" * 100_000)), max_response_bytes=50_000) as context:
        assert await told(context) == "RESPONSE_TOO_LARGE"


@pytest.mark.parametrize(
    "reply", [(200, {}, b"<html>"), (200, {}, b"[]"), (404, {}, b"nothing"), as_json({}), as_json({"access_token": 7})]
)
async def test_a_token_answer_of_another_shape_is_unknown(reply: Reply) -> None:
    async with context_on(always(reply)) as context:
        assert await told(context) == "GRAPH_RESPONSE_INVALID"


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "GRAPH_THROTTLED"), (500, "GRAPH_UNAVAILABLE"), (503, "GRAPH_UNAVAILABLE")]
)
async def test_a_busy_token_service_is_a_passing_fault(status: int, reason: str) -> None:
    async with context_on(always((status, {"retry-after": "7"}, b"{}"))) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert (caught.value.reason_code, caught.value.retryable, caught.value.retry_after) == (reason, True, 7.0)


async def test_a_server_that_is_not_there_is_a_passing_fault() -> None:
    async with context_on(
        always(as_json({})), graph_url="http://127.0.0.1:9", login_url="http://127.0.0.1:9"
    ) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert (caught.value.reason_code, caught.value.retryable) == ("GRAPH_UNAVAILABLE", True)


async def test_a_slow_token_service_counts_as_unavailable() -> None:
    async def sleepy(path: str, headers: dict[str, str]) -> Reply:
        await asyncio.sleep(3)
        return as_json({})

    async with context_on(sleepy, request_timeout=0.2) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert caught.value.reason_code == "GRAPH_UNAVAILABLE"


async def test_a_token_that_is_refused_is_renewed_once_and_never_repeated_for_ever() -> None:
    asked: list[str] = []

    async def never_satisfied(path: str, headers: dict[str, str]) -> Reply:
        asked.append(path.rpartition("/")[2])
        if path.endswith("/token"):
            return as_json({"access_token": f"token-{len(asked)}", "token_type": "Bearer", "expires_in": 3600})
        return as_json({"error": {"code": "InvalidAuthenticationToken", "message": "No."}}, 401)

    async with context_on(never_satisfied) as context:
        assert await told(context) == "GRAPH_FORBIDDEN"
        assert asked == ["token", "subscribedSkus"]
        assert await told(context) == "GRAPH_FORBIDDEN"

    assert asked == ["token", "subscribedSkus", "subscribedSkus", "token", "subscribedSkus"]


async def test_an_error_text_that_repeats_secret_and_token_is_redacted() -> None:
    text = f"You sent {TOKEN} made from {CREDENTIAL}."
    async with context_on(graph_answers(as_json({"error": {"code": "Bad", "message": text}}, 400))) as context:
        result = await TASKS["license.inventory"](context)

    assert "You sent [redacted] made from [redacted]." in result.message


async def test_a_tenant_id_that_is_no_guid_is_refused_before_any_request() -> None:
    visits: list[str] = []

    async def watch(path: str, headers: dict[str, str]) -> Reply:
        visits.append(path)
        return as_json({})

    async with serving_elsewhere(watch) as url, Providers(ProviderSettings(graph_url=url, login_url=url)) as providers:
        context = providers.context_for(
            tenant_id=1,
            run_id=1,
            attempt=1,
            connection=connection_to("../../steal"),
            deadline=time.monotonic() + 5,
        )
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert (caught.value.reason_code, visits) == ("CONNECTION_INVALID", [])


@asynccontextmanager
async def serving_elsewhere(answer: Answer) -> AsyncIterator[str]:
    async with context_on(answer) as context:
        yield context.graph._settings.graph_url


async def test_a_missing_credential_is_a_fault_that_names_the_reference() -> None:
    async with graph_server() as server:
        settings = ProviderSettings(graph_url=server.url, login_url=server.url)
        async with Providers(settings) as providers:
            context = providers.context_for(
                tenant_id=1,
                run_id=1,
                attempt=1,
                connection=connection_to(TENANT, "env:NOT_SET_ANYWHERE"),
                deadline=time.monotonic() + 5,
            )
            with pytest.raises(TaskFault, match="NOT_SET_ANYWHERE") as caught:
                await TASKS["graph.connectivity"](context)

    assert (caught.value.reason_code, caught.value.retryable) == ("CREDENTIAL_MISSING", False)


async def test_a_replaced_secret_is_read_after_the_old_one_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def picky(path: str, headers: dict[str, str]) -> Reply:
        if path.endswith("/token"):
            return as_json({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret."}, 401)
        return as_json({})

    async with context_on(picky) as context:
        assert await told(context) == "CREDENTIAL_INVALID"
        monkeypatch.delenv(CREDENTIAL_NAME)
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert caught.value.reason_code == "CREDENTIAL_MISSING"


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


async def test_the_http_client_of_a_context_follows_no_redirect_and_counts_bytes() -> None:
    async with context_on(
        always((302, {"location": "http://127.0.0.1:9/"}, b"x" * 2000)), max_response_bytes=1000
    ) as context:
        with pytest.raises(CannotTell) as caught:
            await context.http.get(f"{context.graph._settings.graph_url}/x")

    assert caught.value.reason_code == "RESPONSE_TOO_LARGE"
