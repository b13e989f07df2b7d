"""The metrics of task-runner."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from onboarding_shared.contracts.types import RunState
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, LogSettings
from onboarding_shared.telemetry import metrics
from task_runner.app import TaskRunner, build
from task_runner.domain.outcomes import RetryLater
from task_runner.providers.http import SharedTransport
from task_runner.providers.settings import ProviderSettings
from task_runner.settings import OutsideSettings, TaskRunnerSettings, WorkerSettings
from task_runner.store.settling import Settlement, SettlementRefused
from task_runner.tasks import Result, TaskContext, task
from task_runner.use_cases.leases import Leases
from tests.integration.task_runner.runner_harness import TASKS, RunnerHarness, cancel, start
from tests.support.engines import free_port
from tests.support.scraped import Scraped, scrape
from tests.support.waiting import eventually


def settings_on(database_url: str) -> TaskRunnerSettings:
    return TaskRunnerSettings(
        database=DatabaseSettings(url=database_url),
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:9"),
        http=HttpSettings(),
        log=LogSettings(),
        worker=WorkerSettings(),
        outside=OutsideSettings(),
    )


@pytest.fixture
async def runner(runner_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TaskRunner]:
    """A service on the harness's database that is not started: the harness does its work."""
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)
    runner = build(settings_on(runner_url), tasks=TASKS)
    yield runner
    await runner.database.close()


async def test_the_queue_metrics_have_depth_age_and_state(harness: RunnerHarness, runner: TaskRunner) -> None:
    empty = await scrape(runner.http)
    assert (empty.value("onboarding_queue_runs"), empty.value("onboarding_queue_age_seconds")) == (0, 0)

    await harness.apply(start(1), start(2, "check.other"), start(3, "change.tenant", tenant_id=5))
    await harness.sql("UPDATE executions SET resume_at = now() - interval '90 seconds' WHERE run_id = 1")
    await harness.sql("UPDATE executions SET resume_at = now() + interval '1 hour', state = 'waiting' WHERE run_id = 3")
    waiting = await scrape(runner.http)
    assert waiting.value("onboarding_queue_runs") == 2
    assert 90 <= (waiting.value("onboarding_queue_age_seconds") or 0) < 120
    assert states(waiting) == {"queued": 2, "waiting": 1, "running": 0, "cancelling": 0}

    await harness.claim()
    await harness.apply(cancel(1))
    running = await scrape(runner.http)
    assert states(running) == {"queued": 0, "waiting": 1, "running": 1, "cancelling": 1}
    assert (running.value("onboarding_queue_runs"), running.value("onboarding_queue_age_seconds")) == (0, 0)


async def test_the_outbox_metrics_have_size_and_age(harness: RunnerHarness, runner: TaskRunner) -> None:
    await harness.apply(start(1), start(2))
    await harness.apply(start(1))
    await harness.sql("UPDATE outbox SET created_at = created_at - interval '30 seconds'")
    page = await scrape(runner.http)
    unsent = await harness.sql("SELECT count(*) FROM outbox")
    assert page.value("onboarding_outbox_messages") == unsent[0][0] > 0
    assert 30 <= (page.value("onboarding_outbox_age_seconds") or 0) < 60


async def test_an_unreachable_database_is_a_metric_of_the_page(runner: TaskRunner) -> None:
    assert (await scrape(runner.http)).value("onboarding_database_up") == 1
    gone = build(settings_on(f"postgresql://runner:secret@127.0.0.1:{free_port()}/runner"), tasks=TASKS)
    page = await scrape(gone.http)
    assert page.value("onboarding_database_up") == 0
    assert page.value("onboarding_queue_runs") is None
    assert page.value("onboarding_readiness_up", check="database") == 0
    await gone.database.close()


async def test_expired_leases_are_counted_by_the_next_state(harness: RunnerHarness, runner: TaskRunner) -> None:
    leases = Leases(harness.database, harness.outbox, lease_seconds=30.0, confirm_seconds=20.0)
    before = await scrape(runner.http)
    await harness.apply(start(1))
    await harness.claim()
    await harness.sql("UPDATE executions SET lease_expires_at = now() - interval '1 second'")
    worker = harness.new_worker(lease_seconds=60.0)
    worker.start()
    name = "onboarding_leases_expired_total"
    await eventually(lambda: moved(before, runner, name, event="wait"), equals=1.0)
    assert await leases.recover() == {}


async def test_runs_that_nobody_took_are_counted(harness: RunnerHarness, runner: TaskRunner) -> None:
    before = await scrape(runner.http)
    await harness.apply(start(1), start(2, tenant_id=5))
    harness.tasks.clear()
    harness.new_worker(queue_seconds=0.3).start()
    await eventually(lambda: moved(before, runner, "onboarding_runs_unclaimed_total"), equals=2.0)


async def test_a_late_write_is_counted_as_refused(harness: RunnerHarness, runner: TaskRunner) -> None:
    before = await scrape(runner.http)
    running, release = asyncio.Event(), asyncio.Event()

    @task("test.slow", step=1, title="Slow", scope="tenant")
    async def slow(context: TaskContext) -> Result:
        """End when the test sets the event."""
        running.set()
        await release.wait()
        return Result.ok("SLOW_OK")

    worker = harness.new_worker(slow, lease_seconds=60.0)
    worker.start()
    await harness.apply(start(1, "test.slow"))
    await running.wait()
    (attempt,) = worker.pool.attempts()
    outcome = RetryLater(delay=900.0, reason_code="TAKEN", message="")
    taken = Settlement(run_id=1, lease_token=attempt.claim.lease_token, observed=RunState.RUNNING, outcome=outcome)
    assert not isinstance((await harness.settle(taken))[0], SettlementRefused)
    release.set()
    await eventually(lambda: moved(before, runner, "onboarding_late_writes_refused_total"), equals=1.0)


async def test_wait_and_execution_metrics_are_labelled_by_task_type(harness: RunnerHarness, runner: TaskRunner) -> None:
    before = await scrape(runner.http)
    await harness.apply(start(1))
    await harness.sql("UPDATE executions SET resume_at = now() - interval '40 seconds'")
    harness.new_worker().start()
    await eventually(lambda: moved(before, runner, "onboarding_run_execution_seconds_count", task_type="check.quick"))
    assert await moved(before, runner, "onboarding_run_wait_seconds_count", task_type="check.quick") == 1
    assert 40 <= await moved(before, runner, "onboarding_run_wait_seconds_sum", task_type="check.quick") < 60
    assert 0 < await moved(before, runner, "onboarding_run_execution_seconds_sum", task_type="check.quick") < 10
    assert await moved(before, runner, "onboarding_runs_settled_total", event="succeed") == 1
    assert await moved(before, runner, "onboarding_runs_claimed_total") == 1


async def test_requests_to_providers_are_counted_by_status(harness: RunnerHarness, runner: TaskRunner) -> None:
    async def teapot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Slow\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    before = await scrape(runner.http)
    server = await asyncio.start_server(teapot, "127.0.0.1", 0)
    port, nobody = server.sockets[0].getsockname()[1], free_port()
    transport = SharedTransport(ProviderSettings())
    async with httpx2.AsyncClient(transport=transport) as client:
        await client.get(f"http://127.0.0.1:{port}/")
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://127.0.0.1:{nobody}/")
    await transport.close_pool()
    server.close()
    assert await moved(before, runner, "onboarding_provider_requests_total", status="429") == 1
    assert await moved(before, runner, "onboarding_provider_requests_total", status="none") == 1
    assert await moved(before, runner, "onboarding_provider_request_duration_seconds_count") == 2


async def test_no_tenant_and_no_run_is_a_label(harness: RunnerHarness, runner: TaskRunner) -> None:
    harness.new_worker().start()
    await harness.apply(start(812345678, tenant_id=712345678))
    await eventually(lambda: harness.state(812345678), equals="succeeded")
    page = await scrape(runner.http)
    assert not [sample for sample in page.samples if "12345678" in str(sample.labels)]


def states(page: Scraped) -> dict[str, float | None]:
    return {
        state: page.value("onboarding_runs_active", state=state)
        for state in ("queued", "waiting", "running", "cancelling")
    }


async def moved(before: Scraped, runner: TaskRunner, name: str, **labels: str) -> float:
    """By how much a counter is higher now."""
    return (await scrape(runner.http)).count(name, **labels) - before.count(name, **labels)
