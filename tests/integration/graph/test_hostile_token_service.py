"""A token service that misleads or fails, and credentials that are missing, wrong or repeated to us."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import TaskFault
from task_runner.testing import CREDENTIAL, CREDENTIAL_NAME, CREDENTIALS, EveryTenant, connection_to, graph_server
from tests.integration.graph.hostile import (
    TASKS,
    TOKEN,
    Answer,
    Reply,
    always,
    as_json,
    context_on,
    graph_answers,
    reason_code_of,
)
from tests.support.bindings import bindings_of


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CREDENTIAL_NAME, CREDENTIAL)


async def test_a_token_answer_that_is_too_large_is_refused() -> None:
    async with context_on(always((200, {}, b"x" * 100_000)), max_response_bytes=50_000) as context:
        assert await reason_code_of(context) == "RESPONSE_TOO_LARGE"


@pytest.mark.parametrize(
    "reply", [(200, {}, b"<html>"), (200, {}, b"[]"), (404, {}, b"nothing"), as_json({}), as_json({"access_token": 7})]
)
async def test_a_token_answer_of_another_shape_is_unknown(reply: Reply) -> None:
    async with context_on(always(reply)) as context:
        assert await reason_code_of(context) == "GRAPH_RESPONSE_INVALID"


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "GRAPH_THROTTLED"), (500, "GRAPH_UNAVAILABLE"), (503, "GRAPH_UNAVAILABLE")]
)
async def test_a_busy_token_service_is_a_passing_fault(status: int, reason: str) -> None:
    async with context_on(always((status, {"retry-after": "7"}, b"{}"))) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert (caught.value.reason_code, caught.value.retryable, caught.value.retry_after) == (reason, True, 7.0)


async def test_a_slow_token_service_counts_as_unavailable() -> None:
    async def sleepy(path: str, headers: dict[str, str]) -> Reply:
        await asyncio.sleep(3)
        return as_json({})

    async with context_on(sleepy, request_timeout=0.2) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert caught.value.reason_code == "GRAPH_UNAVAILABLE"


async def test_a_refused_token_is_renewed_once_only() -> None:
    asked: list[str] = []

    async def never_satisfied(path: str, headers: dict[str, str]) -> Reply:
        asked.append(path.rpartition("/")[2])
        if path.endswith("/token"):
            return as_json({"access_token": f"token-{len(asked)}", "token_type": "Bearer", "expires_in": 3600})
        return as_json({"error": {"code": "InvalidAuthenticationToken", "message": "No."}}, 401)

    async with context_on(never_satisfied) as context:
        assert await reason_code_of(context) == "GRAPH_FORBIDDEN"
        assert asked == ["token", "subscribedSkus"]
        assert await reason_code_of(context) == "GRAPH_FORBIDDEN"

    assert asked == ["token", "subscribedSkus", "subscribedSkus", "token", "subscribedSkus"]


async def test_an_error_text_that_repeats_secret_and_token_is_redacted() -> None:
    text = f"You sent {TOKEN} made from {CREDENTIAL}."
    async with context_on(graph_answers(as_json({"error": {"code": "Bad", "message": text}}, 400))) as context:
        result = await TASKS["license.inventory"](context)

    assert "You sent [redacted] made from [redacted]." in result.message


async def test_a_tenant_id_without_guid_form_is_refused_without_requests() -> None:
    visits: list[str] = []

    async def watch(path: str, headers: dict[str, str]) -> Reply:
        visits.append(path)
        return as_json({})

    async with (
        serving_elsewhere(watch) as url,
        Providers(
            ProviderSettings(graph_url=url, login_url=url, credentials=CREDENTIALS), bindings=EveryTenant()
        ) as providers,
    ):
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


async def test_a_missing_credential_is_a_fault_that_names_the_reference(tmp_path: Path) -> None:
    bound = connection_to(str(uuid.uuid4()), "env:NOT_SET_ANYWHERE")
    (tmp_path / "bindings.json").write_bytes(bindings_of(1, bound))
    async with graph_server() as server:
        settings = ProviderSettings(
            graph_url=server.url,
            login_url=server.url,
            credential_prefix="NOT_SET_",
            bindings_path=str(tmp_path / "bindings.json"),
        )
        async with Providers(settings) as providers:
            await providers.bindings.refresh()
            context = providers.context_for(
                tenant_id=1,
                run_id=1,
                attempt=1,
                connection=bound,
                deadline=time.monotonic() + 5,
            )
            with pytest.raises(TaskFault, match="NOT_SET_ANYWHERE") as caught:
                await TASKS["graph.connectivity"](context)

    assert (caught.value.reason_code, caught.value.retryable) == ("CREDENTIAL_MISSING", False)


async def test_a_replaced_secret_is_read_after_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    async def picky(path: str, headers: dict[str, str]) -> Reply:
        if path.endswith("/token"):
            return as_json({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret."}, 401)
        return as_json({})

    async with context_on(picky) as context:
        assert await reason_code_of(context) == "CREDENTIAL_INVALID"
        monkeypatch.delenv(CREDENTIAL_NAME)
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert caught.value.reason_code == "CREDENTIAL_MISSING"
