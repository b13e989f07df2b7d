"""What is recorded of the responses of other services, and what is not."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from task_runner.providers.http import open_client
from task_runner.providers.http_record import RecordedTransport
from task_runner.providers.record import MAX_RESPONSES, RecordedResponse, ResponseRecord
from task_runner.providers.settings import ProviderSettings

URL = "https://user:pass-word@helpdesk.example/v1/tickets?api_key=query-key#part"


def answer(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(201, text="created", headers={"X-Request-ID": "r-1", "Set-Cookie": "sid=cookie-key"})


@asynccontextmanager
async def recording() -> AsyncIterator[tuple[httpx2.AsyncClient, ResponseRecord]]:
    record = ResponseRecord()
    transport = RecordedTransport(httpx2.MockTransport(answer), record)
    async with open_client(transport, ProviderSettings()) as client:
        yield client, record


async def test_a_response_is_recorded_with_the_hash_of_its_body() -> None:
    async with recording() as (client, record):
        await client.post(URL, json={"title": "T"})

    (recorded,) = record.responses
    assert (recorded.method, recorded.url, recorded.status, recorded.request_id) == (
        "POST",
        "https://helpdesk.example/v1/tickets",
        201,
        "r-1",
    )
    assert recorded.body_sha256 == hashlib.sha256(b"created").hexdigest()
    assert (recorded.external_tenant_id, recorded.api_version, recorded.permission) == (None, None, None)
    assert recorded.elapsed_ms >= 0


async def test_no_credential_is_recorded() -> None:
    async with recording() as (client, record):
        await client.post(URL, headers={"Authorization": "Bearer header-key"}, content="body-key")

    shown = str(record.as_payload())
    assert [key for key in ("pass-word", "query-key", "header-key", "body-key", "cookie-key") if key in shown] == []


async def test_a_body_that_is_not_read_is_recorded_once() -> None:
    async with recording() as (client, record), client.stream("GET", URL) as response:
        assert record.responses == []
        await response.aclose()

    assert [recorded.body_sha256 for recorded in record.responses] == [hashlib.sha256(b"").hexdigest()]


async def test_of_many_responses_the_first_are_kept_and_all_are_counted() -> None:
    async with recording() as (client, record):
        for _ in range(MAX_RESPONSES + 1):
            await client.get(URL)

    assert (len(record.responses), record.count) == (MAX_RESPONSES, MAX_RESPONSES + 1)


async def test_a_request_without_a_response_is_not_recorded() -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    record = ResponseRecord()
    async with open_client(RecordedTransport(httpx2.MockTransport(fail), record), ProviderSettings()) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(URL)

    assert record.count == 0


def of_graph(**more: Any) -> RecordedResponse:
    given = {"external_tenant_id": "t", "method": "GET", "url": "u", "status": 200, "permission": None}
    return RecordedResponse(**{**given, "request_id": None, "elapsed_ms": 1, "body_sha256": "0" * 64, **more})


def test_the_api_version_is_that_of_microsoft_graph_alone() -> None:
    record = ResponseRecord()
    assert record.as_payload()["api_version"] == "v1.0"
    record.add(of_graph(api_version=None), 1)
    assert record.as_payload()["api_version"] is None
    record.add(of_graph(api_version="beta"), 1)
    assert record.as_payload()["api_version"] == "beta"
