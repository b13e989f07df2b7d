"""The command ``dlq`` of each service, as an operator runs it."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from onboarding_shared.contracts.cloudevents import encode_headers
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.session_api import CancelTask, StartTask
from onboarding_shared.contracts.task_runner import RunStarted
from tests.support.engines import Server

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
STARTED = RunStarted(tenant_id=42, run_id=17, task_type="license.inventory", attempt=1, started_at=AT)
CANCEL = CancelTask(tenant_id=42, run_id=17, requested_by=7, requested_at=AT)
CONSUMED: dict[str, Message] = {"session_api": STARTED, "task_runner": CANCEL, "evidence_store": STARTED}
SETTINGS = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "ONBOARDING_JWKS": "/nowhere/keys.json",
    "ONBOARDING_JWT_ISSUER": "https://issuer.example",
    "ONBOARDING_EVIDENCE_STORE_URL": "http://127.0.0.1:9",
}
INSERT = """
INSERT INTO dead_letters
    (source_topic, partition, record_offset, fingerprint, reason_code, detail, key, value, headers, recorded_at)
VALUES ($1, 3, $2, $3, 'APPLY_FAILED', 'LookupError: planted', '42', $4, $5::jsonb, '2026-11-24T09:30:00Z')
"""


class Operator:
    """Runs ``dlq`` of one service in a pipe."""

    def __init__(self, module: str, url: str) -> None:
        self.module = module
        self.url = url

    async def keep(self, *messages: Message) -> None:
        """Store dead letters as the consumer does."""
        connection = await asyncpg.connect(self.url)
        for sequence, message in enumerate(messages, start=1):
            value = msgspec.json.encode(message)
            headers = encode_headers(
                message_id=f"m{sequence}", source=message.topic.source, event_type=message.event_type(), time=AT,
                subject=message.subject, tenant_id=42, sequence=sequence, traceparent=None,
            )  # fmt: skip
            encoded = msgspec.json.encode(headers).decode()
            fingerprint = hashlib.sha256(b"42\x00" + value).digest()
            await connection.execute(INSERT, message.topic.name, 510 + sequence, fingerprint, value, encoded)
        await connection.close()

    async def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **SETTINGS, "DATABASE_URL": self.url}
        command = [sys.executable, "-m", self.module, "dlq", *arguments]
        return await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, timeout=110, check=False
        )

    async def rows(self, *arguments: str) -> list[dict[str, Any]]:
        done = await self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    async def values(self, sql: str) -> list[Any]:
        connection = await asyncpg.connect(self.url)
        rows = await connection.fetch(sql)
        await connection.close()
        return [row[0] for row in rows]


@pytest.fixture
def module(request: pytest.FixtureRequest) -> str:
    """The service whose command runs."""
    return getattr(request, "param", "session_api")


@pytest.fixture
def template_url(postgres_server: Server, module: str) -> str:
    return postgres_server.migrated_template(f"{module}.store.migrations")


@pytest.fixture
async def operator(postgres_server: Server, template_url: str, module: str) -> AsyncIterator[Operator]:
    url = await postgres_server.copy_of(template_url)
    yield Operator(module, url)
    await postgres_server.drop(url)


@pytest.mark.parametrize("module", CONSUMED, indirect=True)
async def test_each_service_replays_with_its_own_handlers(operator: Operator) -> None:
    message = CONSUMED[operator.module]
    await operator.keep(message)

    done = await operator.rows("replay", "1", "--user", "7")

    assert done == [{"id": 1, "outcome": "applied", "reason_code": None, "detail": None}]
    assert await operator.values("SELECT state FROM dead_letters") == ["replayed"]
    assert await operator.values("SELECT last_sequence FROM inbox_sequences") == [1]
    topic = f"onboarding.audit.{operator.module.replace('_', '-')}.v1"
    assert await operator.values("SELECT topic FROM outbox WHERE tenant_id = 0") == [topic]


@pytest.mark.parametrize("module", ["task_runner"], indirect=True)
async def test_a_replayed_start_is_left_to_a_worker(operator: Operator) -> None:
    start = StartTask(
        tenant_id=42, run_id=18, task_type="license.inventory", session_id=3, requested_by=7, requested_at=AT
    )
    await operator.keep(start)
    cause = ("--topic", "onboarding.task-commands.v1", "--reason", "APPLY_FAILED")
    (done,) = await operator.rows("replay", *cause, "--user", "7")
    assert done["replayed"] == 1
    assert await operator.values("SELECT worker FROM executions") == [None]


async def test_a_group_is_listed_shown_and_discarded(operator: Operator) -> None:
    await operator.keep(STARTED, STARTED)
    cause = ("--topic", "onboarding.operation-runs.v1", "--reason", "APPLY_FAILED")

    assert await operator.rows("groups") == [
        {
            "source_topic": "onboarding.operation-runs.v1",
            "reason_code": "APPLY_FAILED",
            "count": 2,
            "oldest_at": "2026-11-24T09:30:00Z",
            "newest_at": "2026-11-24T09:30:00Z",
            "example_id": 2,
        }
    ]
    (shown,) = await operator.rows("show", "2")
    assert (shown["replayable"], shown["key"]["text"]) == (True, "42")
    assert json.loads(shown["value"]["text"])["type"] == "RunStarted"
    (done,) = await operator.rows("discard", *cause, "--limit", "1", "--user", "7")
    assert (done["discarded"], done["remaining"]) == (1, 1)
    assert [row["id"] for row in await operator.rows("list", *cause, "--state", "kept")] == [2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "--user", "7"], "replay needs the ID of one dead letter, or --topic and --reason of a group"),
        (["discard", "5", "--user", "7"], "there is no dead letter 5"),
    ],
)
async def test_an_action_on_nothing_is_refused_with_a_next_step(
    operator: Operator, arguments: list[str], said: str
) -> None:
    done = await operator.run(*arguments)
    first, second = done.stderr.splitlines()
    assert (done.returncode, first) == (1, f"session-api: {said}")
    assert second.startswith("session-api: next: ")
