"""No secret reaches Kafka, a database, a log or an answer."""

import json
import uuid
from collections.abc import Iterator

import pytest

from tests.support.caller import CREDENTIAL
from tests.support.outside_reader import read_everything
from tests.support.system import System

pytestmark = pytest.mark.system

COLUMNS = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
"""
# A row as text shows bytea as hex, so those are searched for both.
ROWS = "SELECT count(*) FROM {schema}.{table} AS t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0"


@pytest.fixture
async def secrets(system: System) -> dict[str, str]:
    """The secrets that nobody may find after their use in healthy, refused and failing runs, and refused requests."""
    pasted = f"Pasted-{uuid.uuid4()}"
    async with system.caller() as caller:
        await caller.connect("healthy")
        for behaviour in ({"behaviour": "healthy"}, {"behaviour": "healthy", "token_error": "65001"}):
            await caller.behave(**behaviour)
            await caller.evidence(await caller.start("graph.connectivity"))
    async with system.caller() as other:
        guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
        body = {"display_name": "C", "external_tenant_id": guid, "client_id": guid, "credential_ref": pasted}
        refused = await other.post("/provider-connections", json=body)
        assert refused.status_code == 400
        assert pasted not in refused.text
        await other.get("/session", headers={"Authorization": f"Bearer {pasted}"})
    return {
        "the client secret": system.place.secrets["client_secret"],
        "what was pasted for a reference": pasted,
        "a caller's token": caller.token,
        "another caller's token": other.token,
        "the signature of a token": caller.token.rsplit(".", 1)[1],
        "the beginning of a token of the Graph-shaped server": "eyJhbGciOi",
        **{f"the password of {name}": word for name, word in system.place.secrets.items() if name != "client_secret"},
    }


async def test_no_database_holds_a_secret(system: System, secrets: dict[str, str]) -> None:
    searched = 0
    for database in ("session_api", "task_runner", "evidence_store"):
        for schema, table in await system.rows(database, COLUMNS):
            query = ROWS.format(schema=schema, table=table)
            for name, secret in secrets.items():
                matches = await system.value(database, query, secret, secret.encode().hex())
                assert matches == 0, f"{name} is in {database}.{table}"
            searched += 1
    assert searched > 20


def test_no_event_holds_a_secret(system: System, secrets: dict[str, str]) -> None:
    topics = [f"onboarding.{name}.v1" for name in ("task-commands", "operation-runs", "sessions", "evidence")]
    events = read_everything(system.journal["kafka"], topics)

    assert len(events) > 8
    for event in events:
        whole = event.value + b"".join(event.headers.values())
        for name, secret in secrets.items():
            assert secret.encode() not in whole, f"{name} is in {event.type}"


def test_no_log_holds_a_secret(system: System, secrets: dict[str, str]) -> None:
    logs = list(system.place.logs.glob("*.log"))

    assert {"session-api.log", "task-runner.log", "evidence-store.log"} <= {path.name for path in logs}
    for path in logs:
        for name, secret in secrets.items():
            assert secret not in path.read_text(encoding="utf-8", errors="replace"), f"{name} is in {path.name}"


async def test_the_references_are_kept_so_that_the_search_would_find_a_secret(
    system: System, secrets: dict[str, str]
) -> None:
    reference = CREDENTIAL
    connections, evidence = (
        ROWS.format(schema="public", table=table) for table in ("provider_connections", "evidence")
    )

    assert await system.value("session_api", connections, reference, reference.encode().hex()) > 0
    assert await system.value("evidence_store", evidence, "not there", b"in no evidence of any test".hex()) == 0
    assert await system.value("evidence_store", evidence, "not there", b"GRAPH_OK".hex()) > 0, "bytes are searched too"


def test_no_log_line_is_broken_or_critical(system: System, secrets: dict[str, str]) -> None:
    for line in _lines(system):
        assert line["level"] != "critical", line
        assert {"timestamp", "event", "service"} <= line.keys()


def _lines(system: System) -> Iterator[dict[str, str]]:
    for name in ("session-api", "task-runner", "evidence-store"):
        for line in system.log(name).splitlines():
            if line.startswith("{"):
                yield json.loads(line)
