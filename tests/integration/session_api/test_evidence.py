"""Evidence through session-api: asked for with the caller's own token, answered with the store's own bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from onboarding_devstack.identity import Identity
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import PERMISSIONS, TENANT, Api, make_settings

EVIDENCE = f"/tenants/{TENANT}/onboarding/evidence"
LIST = b'[ {"id": 1, "note": "kept byte by byte"} ]'


@dataclass
class Store:
    """A server with a fixed answer that records its requests."""

    answer: bytes
    delay: float = 0.0
    asked: list[str] = field(default_factory=list)
    port: int = 0
    handlers: list[asyncio.Task[None]] = field(default_factory=list)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handlers.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await asyncio.sleep(self.delay)
            writer.write(self.answer)
            await writer.drain()
        finally:
            writer.close()

    async def stop(self) -> None:
        """End the handlers of open connections."""
        for handler in self.handlers:
            handler.cancel()
        await asyncio.gather(*self.handlers, return_exceptions=True)


def response(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = Store(answer=response("200 OK", LIST, "connection: close"))
    server = await asyncio.start_server(store.accept, "127.0.0.1", 0)
    store.port = server.sockets[0].getsockname()[1]
    yield store
    server.close()
    await store.stop()


@pytest.fixture
async def evidence_api(
    settings: SessionApiSettings, identity: Identity, store: Store
) -> AsyncIterator[Callable[..., Awaitable[Api]]]:
    made: list[Api] = []

    async def make(**more: object) -> Api:
        url = f"http://127.0.0.1:{store.port}"
        pointed = make_settings(settings.database.url, identity, evidence_store_url=url, **more)
        made.append(Api(build(pointed), pointed, identity, as_published=False))
        return made[-1]

    yield make
    for api in made:
        await api.close()


Make = Callable[..., Awaitable[Api]]


async def test_the_stores_answer_is_passed_on_byte_by_byte(evidence_api: Make, store: Store) -> None:
    answer = await (await evidence_api()).caller().get(EVIDENCE)

    assert (answer.status_code, answer.content) == (200, LIST)
    assert answer.headers["content-type"] == "application/json"


async def test_the_caller_the_request_and_the_trace_travel_along(evidence_api: Make, store: Store) -> None:
    api = await evidence_api()
    caller = api.caller()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"x-request-id": "mine", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    await caller.get(f"{EVIDENCE}?taskType=app.consent&limit=3&cursor=a%2Bb", headers=headers)

    asked = store.asked[0].lower()
    assert asked.startswith(f"get {EVIDENCE}?tasktype=app.consent&limit=3&cursor=a%2bb http/1.1")
    assert f"authorization: {caller.headers['authorization']}".lower() in asked
    assert "x-request-id: mine" in asked
    assert f"traceparent: 00-{trace}-" in asked


async def test_one_item_and_the_verification_have_the_same_paths_there(evidence_api: Make, store: Store) -> None:
    api = await evidence_api()
    await api.caller().get(f"{EVIDENCE}/17")
    await api.caller().get(f"{EVIDENCE}/verification?expected_length=3&expected_head={'a' * 64}")

    assert store.asked[0].startswith(f"GET {EVIDENCE}/17 ")
    assert store.asked[1].startswith(f"GET {EVIDENCE}/verification?expected_length=3&expected_head=aaa")


@pytest.mark.parametrize(
    "link", [f"<{EVIDENCE}?cursor=x>", "<?cursor=x>", f"<http://127.0.0.1:PORT{EVIDENCE}?cursor=x>"]
)
async def test_the_next_page_is_found_at_this_api(evidence_api: Make, store: Store, link: str) -> None:
    target = link.replace("PORT", str(store.port))
    store.answer = response("200 OK", LIST, f'link: {target}; rel="next"', "connection: close")
    answer = await (await evidence_api()).caller().get(EVIDENCE)

    assert answer.headers["link"] == f'<{EVIDENCE}?cursor=x>; rel="next"'


async def test_with_a_public_address_the_next_page_is_there(evidence_api: Make, store: Store) -> None:
    store.answer = response("200 OK", LIST, 'link: <?cursor=x>; rel="next"', "connection: close")
    answer = await (await evidence_api(public_url="https://api.example")).caller().get(EVIDENCE)

    assert answer.headers["link"] == f'<https://api.example{EVIDENCE}?cursor=x>; rel="next"'


async def test_the_stores_refusals_are_passed_on(evidence_api: Make, store: Store) -> None:
    body = b'{"error": "There is no such evidence", "code": "EVIDENCE_NOT_FOUND"}'
    store.answer = response("404 Not Found", body, "connection: close")
    answer = await (await evidence_api()).caller().get(f"{EVIDENCE}/17")

    assert (answer.status_code, answer.content) == (404, body)


async def test_a_failing_store_is_unavailable(evidence_api: Make, store: Store) -> None:
    store.answer = response("500 Internal Server Error", b"{}", "connection: close")
    await assert_unavailable(await evidence_api())


async def test_a_redirecting_store_is_unavailable(evidence_api: Make, store: Store) -> None:
    store.answer = response("302 Found", b"", "location: http://elsewhere.example/", "connection: close")
    await assert_unavailable(await evidence_api())


async def test_a_slow_store_is_unavailable(evidence_api: Make, store: Store) -> None:
    store.delay = 5.0
    await assert_unavailable(await evidence_api(evidence_timeout_seconds=0.2))


async def test_a_store_that_is_down_is_unavailable(api: Api) -> None:
    await assert_unavailable(api)


async def test_a_store_without_the_http_protocol_is_unavailable(evidence_api: Make, store: Store) -> None:
    store.answer = b"220 mail.example ESMTP\r\n"
    await assert_unavailable(await evidence_api())


async def test_the_tenant_is_checked_before_the_store_is_asked(evidence_api: Make, store: Store) -> None:
    api = await evidence_api()
    foreign = await api.caller(tenants=[43]).get(EVIDENCE)
    forbidden = await api.caller(permissions=[name for name in PERMISSIONS if name != "onboarding.read"]).get(EVIDENCE)

    assert (foreign.status_code, forbidden.status_code, store.asked) == (404, 403, [])


async def assert_unavailable(api: Api) -> None:
    answer = await api.caller().get(EVIDENCE)
    assert (answer.status_code, answer.json()["code"]) == (503, "EVIDENCE_STORE_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1


async def test_dead_letters_of_the_store_are_asked_for_there(evidence_api: Make, store: Store) -> None:
    link = 'link: </onboarding/dead-letters?limit=2&before=7>; rel="next"'
    store.answer = response("200 OK", LIST, "connection: close", link)
    operator = (await evidence_api(public_url="https://api.example")).caller(
        9, tenants=[], permissions=["onboarding.platform"]
    )
    path = "/onboarding/dead-letters"
    listed = await operator.get(f"{path}?service=evidence-store&limit=2")
    cause = {"source_topic": "onboarding.operation-runs.v1", "reason_code": "APPLY_FAILED"}
    await operator.post(f"{path}/groups/replay?service=evidence-store", json=cause)

    assert (listed.status_code, listed.content) == (200, LIST)
    assert listed.headers["link"] == (
        '<https://api.example/onboarding/dead-letters?limit=2&before=7&service=evidence-store>; rel="next"'
    )
    assert [asked.partition(" HTTP")[0] for asked in store.asked] == [
        f"GET {path}?limit=2",
        f"POST {path}/groups/replay",
    ]
    assert f"authorization: {operator.headers['authorization']}".lower() in store.asked[1].lower()
    assert "content-type: application/json" in store.asked[1].lower()


async def test_who_does_not_operate_the_platform_asks_no_store(evidence_api: Make, store: Store) -> None:
    answer = await (await evidence_api()).caller().get("/onboarding/dead-letters?service=evidence-store")
    assert (answer.status_code, store.asked) == (403, [])
