"""A look before a start: what it says, and that it writes nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
import pytest

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.contracts.types import Licence, Scope
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import CATALOGUE, PERMISSIONS, TENANT, Api, declaration, make_settings

TASK = "identity.admin_mfa"
TASK_TYPE = declaration(
    TASK, step=5, scope=Scope.CONNECTION, permissions=("Policy.Read.All", "AuditLog.Read.All"), licence=Licence.P1
)
START = f"/tenants/{TENANT}/onboarding/tasks/{TASK}/runs"


@dataclass
class Shelf:
    """Evidence by task type, served as evidence-store serves it."""

    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    status: str = "200 OK"
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        [task_type] = parse_qs(urlsplit(head.split()[1]).query)["taskType"]
        body = msgspec.json.encode(self.items.get(task_type, []))
        lines = [f"HTTP/1.1 {self.status}", "content-type: application/json", f"content-length: {len(body)}"]
        writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + body)
        await writer.drain()
        writer.close()

    def put(self, task_type: str, status: str, reason_code: str, at: Any, connection: int, **payload: Any) -> None:
        self.items.setdefault(task_type, []).append(
            {
                "id": 1,
                "tenant_id": TENANT,
                "task_type": task_type,
                "provider_connection_id": connection,
                "status": status,
                "reason_code": reason_code,
                "recorded_at": at,
                "payload": payload,
            }
        )


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    shelf = Shelf()
    server = await asyncio.start_server(shelf.serve, "127.0.0.1", 0)
    shelf.port = server.sockets[0].getsockname()[1]
    yield shelf
    server.close()


@pytest.fixture
async def api(settings: SessionApiSettings, identity: Identity, shelf: Shelf) -> AsyncIterator[Api]:
    """A service that reads its evidence from the shelf."""
    pointed = make_settings(settings.database.url, identity, evidence_store_url=f"http://127.0.0.1:{shelf.port}")
    made = Api(build(pointed), pointed, identity)
    await made.hear(TaskTypesAnnounced(tenant_id=0, task_types=(*CATALOGUE, TASK_TYPE)))
    yield made
    await made.close()


async def look(api: Api, *, path: str = START, **more: Any) -> httpx2.Response:
    return await api.caller().post(path, json={"validate_only": True, **more})


def by_check(answer: httpx2.Response) -> dict[str, tuple[str, str | None]]:
    assert answer.status_code == 200, answer.text
    return {one["check"]: (one["status"], one["code"]) for one in answer.json()["findings"]}


async def now(api: Api) -> Any:
    [[moment]] = await api.rows("SELECT now()")
    return moment


async def test_all_that_a_start_needs_is_there(api: Api, shelf: Shelf) -> None:
    connection, at = await api.connection(), await now(api)
    granted = list(TASK_TYPE.permissions)
    shelf.put("app.consent", "ok", "CONSENT_OK", at, connection, granted=granted, missing=[])
    shelf.put("license.inventory", "ok", "LICENSE_P2", at, connection)
    answer = await look(api)

    assert set(by_check(answer).values()) == {("ok", None)}
    body = answer.json()
    assert (body["task_type"], body["would"], body["provider_connection_id"]) == (TASK, "create", connection)
    assert {one["remediation"] for one in body["findings"]} == {None}


async def test_what_is_missing_is_told_with_what_to_do(api: Api, shelf: Shelf) -> None:
    connection, at = await api.connection(), await now(api)
    lists = {"granted": ["Policy.Read.All"], "missing": ["AuditLog.Read.All"]}
    shelf.put("app.consent", "fail", "CONSENT_PERMISSIONS_MISSING", at, connection, **lists)
    shelf.put("license.inventory", "warn", "LICENSE_FREE", at, connection)
    answer = await look(api)

    assert by_check(answer) == {
        "connection": ("ok", None),
        "guard": ("ok", None),
        "permissions": ("missing", "CONSENT_PERMISSIONS_MISSING"),
        "licence": ("missing", "LICENSE_FREE"),
    }
    permissions = answer.json()["findings"][2]
    assert permissions["message"] == "Not granted: AuditLog.Read.All."
    assert (
        permissions["remediation"]
        == "Wait some minutes after a consent. Create the consent link (`POST …/consent-requests`) and send it to an "
        "administrator of the customer."
    )


async def test_a_look_writes_nothing(api: Api) -> None:
    tables = ("tenant_guards", "operation_runs", "outbox", "outbox_sequences", "onboarding_sessions")
    before = [await api.rows(f"SELECT * FROM {table}") for table in tables]
    answer = await look(api)

    assert (answer.status_code, answer.json()["would"]) == (200, "create")
    assert [await api.rows(f"SELECT * FROM {table}") for table in tables] == before


async def test_without_evidence_nothing_is_ok(api: Api) -> None:
    await api.connection()

    found = by_check(await look(api))
    assert (found["permissions"], found["licence"]) == (("unknown", "NEVER_RUN"), ("unknown", "NEVER_RUN"))


async def test_evidence_that_cannot_be_read_makes_nothing_ok(api: Api, shelf: Shelf) -> None:
    await api.connection()
    shelf.status = "503 Service Unavailable"

    found = by_check(await look(api))
    assert found["permissions"] == ("unknown", "EVIDENCE_STORE_UNAVAILABLE")


async def test_evidence_that_has_another_shape_makes_nothing_ok(api: Api, shelf: Shelf) -> None:
    await api.connection()
    shelf.items["app.consent"] = [{"id": "not evidence"}]

    assert by_check(await look(api))["permissions"] == ("unknown", "EVIDENCE_STORE_UNAVAILABLE")


async def test_a_caller_who_may_not_read_evidence_learns_nothing_of_it(api: Api, shelf: Shelf) -> None:
    await api.connection()
    shelf.status = "403 Forbidden"

    assert by_check(await look(api))["licence"] == ("unknown", "PERMISSION_MISSING")


async def test_evidence_is_asked_for_with_the_callers_own_token(api: Api, shelf: Shelf) -> None:
    await api.connection()
    caller = api.caller()
    await caller.post(START, json={"validate_only": True})

    assert len(shelf.asked) == 2
    assert all(caller.headers["authorization"] in asked for asked in shelf.asked)


async def test_a_task_that_needs_nothing_asks_for_no_evidence(api: Api, shelf: Shelf) -> None:
    answer = await look(api, path=f"/tenants/{TENANT}/onboarding/tasks/app.consent/runs")

    assert (answer.status_code, shelf.asked) == (200, [])


async def test_an_exclusive_run_in_the_way_is_named(api: Api) -> None:
    blocking = (await api.start("app.grant")).json()
    answer = await look(api)

    assert by_check(answer)["guard"] == ("blocked", "BLOCKED_BY_RUN")
    assert answer.json()["would"] == "blocked"
    assert answer.json()["blocking_run"]["run_id"] == blocking["run_id"]
    assert answer.json()["blocking_run"]["url"] == blocking["url"]


async def test_an_active_equal_run_would_be_reused(api: Api) -> None:
    active = (await api.start(TASK)).json()
    body = (await look(api)).json()

    assert (body["would"], body["run_id"], body["url"]) == ("reuse", active["run_id"], active["url"])


async def test_a_disabled_connection_would_refuse_the_start(api: Api) -> None:
    connection = await api.connection()
    await api.caller().post(f"/tenants/{TENANT}/onboarding/provider-connections/{connection}/disable")
    answer = await look(api, provider_connection_id=connection)

    assert answer.json()["would"] == "refused"
    assert by_check(answer)["connection"] == ("missing", "CONNECTION_DISABLED")
    assert answer.json()["findings"][0]["remediation"].startswith("The provider connection is disabled")


async def test_an_unknown_task_type_is_not_found_as_ever(api: Api) -> None:
    answer = await look(api, path=f"/tenants/{TENANT}/onboarding/tasks/no.such/runs")

    assert (answer.status_code, answer.json()["code"]) == (404, "TASK_TYPE_UNKNOWN")


async def test_a_look_needs_the_right_to_start(api: Api) -> None:
    others = [name for name in PERMISSIONS if name != "onboarding.run"]
    answer = await api.caller(permissions=others).post(START, json={"validate_only": True})

    assert (answer.status_code, answer.json()["permission"]) == (403, "onboarding.run")


async def test_validate_only_that_is_false_starts(api: Api) -> None:
    assert (await api.start(TASK, {"validate_only": False})).status_code == 201


async def test_a_task_type_that_is_withdrawn_during_the_look_is_not_known(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_left(connection: object) -> list[Any]:
        return []

    monkeypatch.setattr("session_api.use_cases.preflights.list_task_types", none_left)
    answer = await look(api)

    assert (answer.status_code, answer.json()["code"]) == (404, "TASK_TYPE_UNKNOWN")


async def test_evidence_of_a_dry_run_does_not_count(api: Api, shelf: Shelf) -> None:
    connection, at = await api.connection(), await now(api)
    shelf.put("license.inventory", "ok", "LICENSE_P2", at, connection, dry_run=True)

    assert by_check(await look(api))["licence"] == ("unknown", "NEVER_RUN")
