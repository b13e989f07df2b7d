"""The costs of a run through all services, counted and compared with ``baseline.json``.

They do not depend on the machine or its load. When a change alters a
counter on purpose, it updates the file.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

import evidence_store.app
import session_api.app
import task_runner.app
from evidence_store.settings import EvidenceStoreSettings
from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from session_api.settings import SessionApiSettings
from session_api.store.task_types import upsert_task_types
from task_runner.settings import OutsideSettings, TaskRunnerSettings, WorkerSettings
from tests.integration.costs.counting import Counter
from tests.integration.costs.pipeline import Pipeline
from tests.support.databases import Server
from tests.support.engines import kafka_settings
from tests.support.quick_task import quick

BASELINE = json.loads(Path(__file__).with_name("baseline.json").read_text(encoding="utf-8"))
RUNS = 32


class Costs(NamedTuple):
    """The costs of a batch of runs."""

    round_trips: int
    write_transactions: int
    messages: int
    wal_records: int
    wal_bytes: int


async def costs_of(pipeline: Pipeline, counter: Counter, runs: int) -> Costs:
    """The costs of a batch, after one of the same size has prepared every statement.

    Checkpoints and autovacuum write to the log as well, and make others write more: the least of five batches counts.
    """
    await pipeline.run(runs)
    batches = [await _costs_of_a_batch(pipeline, counter, runs) for _ in range(5)]
    return batches[0]._replace(
        wal_records=min(costs.wal_records for costs in batches), wal_bytes=min(costs.wal_bytes for costs in batches)
    )


async def _costs_of_a_batch(pipeline: Pipeline, counter: Counter, runs: int) -> Costs:
    """Relays delete what they published later, many batches at once: that is in the write-ahead log of the batch, but
    not in its round trips and transactions."""
    log, asked = await counter.wal(), counter.asked
    messages = await pipeline.run(runs)
    asked = counter.asked.since(asked)
    await pipeline.delete_published()
    return Costs(*asked, messages, *(await counter.wal()).since(log))


@pytest.fixture(scope="session")
def templates(postgres_server: Server) -> list[str]:
    packages = ("session_api", "task_runner", "evidence_store")
    return [postgres_server.migrated_template(f"{package}.store.migrations") for package in packages]


@pytest.fixture
async def services(
    postgres_server: Server, templates: list[str], tmp_path: Path
) -> AsyncIterator[tuple[Pipeline, Counter]]:
    urls = [await postgres_server.copy_of(template) for template in templates]
    identity = Identity(tmp_path)
    identity.ensure()
    databases = [DatabaseSettings(url=url) for url in urls]
    shared = {"kafka": kafka_settings("127.0.0.1:9"), "log": LogSettings(), "http": HttpSettings()}
    guarded = {**shared, "identity": IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER)}
    api = session_api.app.build(
        SessionApiSettings(database=databases[0], evidence_store_url="http://127.0.0.1:9", **guarded)
    )
    runner = task_runner.app.build(
        TaskRunnerSettings(database=databases[1], worker=WorkerSettings(), outside=OutsideSettings(), **shared),
        tasks={quick.name: quick},
    )
    store = evidence_store.app.build(EvidenceStoreSettings(database=databases[2], **guarded))
    pipeline = Pipeline(api, runner, store, quick)
    counter = Counter(pipeline.databases)
    await api.database.run(lambda connection: upsert_task_types(connection, [quick.declaration]))
    await pipeline.begin()
    yield pipeline, counter
    await api.evidence.close()
    await runner.providers.close()
    for database, url in zip(pipeline.databases, urls, strict=True):
        await database.close()
        await postgres_server.drop(url)


@pytest.mark.parametrize("runs", [1, RUNS])
async def test_a_batch_of_runs_costs_as_much_as_the_baseline(services: tuple[Pipeline, Counter], runs: int) -> None:
    costs = await costs_of(*services, runs)

    expected = BASELINE[f"{runs}_runs"]
    log = {name: pytest.approx(expected[name], rel=0.1) for name in ("wal_records", "wal_bytes")}
    assert costs._asdict() == {**expected, **log}


async def test_a_batch_takes_the_round_trips_of_a_single_run(services: tuple[Pipeline, Counter]) -> None:
    alone = await costs_of(*services, 1)
    together = await costs_of(*services, RUNS)

    assert together.round_trips == alone.round_trips
    assert together.write_transactions == alone.write_transactions


async def test_a_run_that_ends_at_once_sends_three_messages(services: tuple[Pipeline, Counter]) -> None:
    assert (await costs_of(*services, RUNS)).messages == 3 * RUNS
