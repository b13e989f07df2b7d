"""The wiring of task-runner."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import structlog
from litestar import Litestar

from onboarding_shared.contracts.topics import published_by, source_of
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions, dead_letter_actions
from onboarding_shared.messaging.metrics_page import BacklogRows, metrics_page
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.old_rows import OldRows
from onboarding_shared.process.loop import Loop
from onboarding_shared.telemetry.metrics import Live, Reading
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from task_runner.consumers import GROUP, applies
from task_runner.domain.leases import Selection
from task_runner.health import readiness_checks
from task_runner.metrics import ANSWER_BYTES, BINDINGS_UNUSABLE, SLOTS, TASKS_UNUSABLE, UNDER_WAY, count_failures_of
from task_runner.providers import Providers
from task_runner.providers.from_settings import provider_settings
from task_runner.settings import TaskRunnerSettings
from task_runner.store.queue import QUEUE, QUEUE_GAUGES
from task_runner.store.retention import remove_old_executions
from task_runner.tasks import DeclarationError, Task
from task_runner.tasks.registry import Installed, configured, inputs_types, installed, with_required, without
from task_runner.tasks.settings import unused_variables
from task_runner.use_cases.first_claims import FirstClaims
from task_runner.use_cases.intake import CommandIntake
from task_runner.worker.attempt import ContextFactory
from task_runner.worker.isolation import Isolation
from task_runner.worker.worker import Worker, WorkerLimits

SERVICE = "task-runner"

_log = structlog.get_logger(__name__)


class TaskRunner:
    """The components of one process, and the order in which they start and stop."""

    def __init__(
        self,
        settings: TaskRunnerSettings,
        installed_tasks: Installed,
        context_for: ContextFactory | None,
        *,
        isolating: bool,
    ) -> None:
        """``isolating``: runs that lost two workers get a process of their own, which finds the tasks by itself."""
        tasks, self.task_problems = installed_tasks
        self.database = Database(settings.database.url, application_name=SERVICE, pool_size=settings.database.pool_size)
        self.relay = Relay(self.database, settings.kafka, source=source_of(SERVICE), topics=published_by(SERVICE))
        self.outbox = Outbox(self.relay.hand_over)
        self.providers = Providers(provider_settings(settings.outside, settings.gdap, settings.worker.concurrency))
        self._bindings = Loop("bindings", self.providers.bindings.refresh, count_failure=count_failures_of("bindings"))
        limits = WorkerLimits(**settings.worker.model_dump())
        self.worker = Worker(
            self.database,
            self.outbox,
            tasks,
            context_for or self.providers.context_of_run,
            limits,
            unusable=self.task_problems,
            name=f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}",
            selection=Selection.SHARED_PROCESS if isolating else Selection.ALL,
        )
        self.isolation = (
            Isolation(self.database, lease_seconds=limits.lease_seconds, drain_seconds=limits.drain_seconds)
            if isolating
            else None
        )
        intake = CommandIntake(
            self.outbox,
            {name: task.declaration for name, task in tasks.items()},
            first_claims=self.worker.first_claims,
            confirm_seconds=limits.confirm_seconds,
            wake=self.worker.wake,
            interrupt=self.worker.pool.interrupt,
            inputs=inputs_types(tasks),
        )
        self.consumer = Consumer(
            settings.kafka,
            self.database,
            self.outbox,
            group=GROUP,
            applies=applies(intake),
            run_keys=settings.command_keys.keys,
        )
        days = settings.retention.run_days
        self.old_rows = OldRows("executions", self.database, remove_old_executions(days)) if days else None
        self.http: HttpApplication = build_http(
            ApiDescription(title="Task runner"),
            authenticator=None,
            checks=readiness_checks(
                self.database, self.relay, self.consumer, self.worker, self.isolation, installed_tasks
            ),
            lifespan=[self._lifespan],
            health_apart=settings.http.health_port is not None,
            metrics=metrics_page(
                SERVICE,
                self.database,
                self.relay,
                self.consumer,
                backlog=BacklogRows(self.database, QUEUE_GAUGES, QUEUE),
                parts=[
                    Live((UNDER_WAY, SLOTS, ANSWER_BYTES, BINDINGS_UNUSABLE, TASKS_UNUSABLE), self._worker_readings)
                ],
            ),
        )

    def _worker_readings(self) -> Iterator[Reading]:
        yield Reading(UNDER_WAY, float(len(self.worker.pool.attempts())))
        yield Reading(SLOTS, float(self.worker.slots))
        yield Reading(ANSWER_BYTES, float(self.providers.memory.used))
        yield Reading(BINDINGS_UNUSABLE, float(self.providers.bindings.problem is not None))
        yield Reading(TASKS_UNUSABLE, float(len(self.task_problems)))

    async def start(self) -> None:
        """Start to consume and to claim. Kafka and PostgreSQL may be unavailable at this time."""
        for unusable in self.task_problems:
            _log.error("task_package_unusable", distribution=unusable.distribution, problem=unusable.problem)
        await self.relay.start()
        await self.providers.bindings.refresh()
        self._bindings.start()
        self.worker.start()
        if self.isolation is not None:
            self.isolation.start()
        await self.consumer.start()
        if self.old_rows is not None:
            self.old_rows.start()

    async def stop(self) -> None:
        """Stop claiming, drain, release leases, leave the group, publish the rest of the outbox, close the database."""
        if self.old_rows is not None:
            await self.old_rows.stop()
        if self.isolation is not None:
            await asyncio.gather(self.worker.stop(), self.isolation.stop())
        else:
            await self.worker.stop()
        await self._bindings.stop()
        await self.consumer.stop()
        await self.relay.stop()
        await self.providers.close()
        await self.database.close()

    @asynccontextmanager
    async def _lifespan(self, _: Litestar) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()


def build(
    settings: TaskRunnerSettings,
    *,
    tasks: Mapping[str, Task] | None = None,
    context_for: ContextFactory | None = None,
) -> TaskRunner:
    """The service with the installed tasks, or with ``tasks``; ``context_for`` replaces the real providers.

    The tasks of an entry point that cannot be used are missing. Raises ``DeclarationError`` when none can be used, or a
    task that is to be left out is not installed. Nothing runs before ``start``, which serving ``http`` calls.
    """
    return TaskRunner(settings, _offered(settings, tasks), context_for, isolating=tasks is None and context_for is None)


def dead_letters(settings: TaskRunnerSettings, database: Database) -> DeadLetterActions:
    """The actions on dead letters. The worker of another process claims, wakes and stops the runs."""
    outbox = Outbox()
    tasks = _offered(settings, None).tasks
    worker = settings.worker
    intake = CommandIntake(
        outbox,
        {name: task.declaration for name, task in tasks.items()},
        first_claims=FirstClaims(
            lambda _: None,
            worker=SERVICE,
            lease_seconds=worker.lease_seconds,
            tenant_limit=worker.tenant_concurrency,
        ),
        confirm_seconds=worker.confirm_seconds,
        wake=lambda: None,
        interrupt=lambda _: None,
        inputs=inputs_types(tasks),
    )
    return dead_letter_actions(
        SERVICE,
        database,
        outbox,
        group=GROUP,
        applies=applies(intake),
        window=settings.kafka.sequence_window,
        run_keys=settings.command_keys.keys,
    )


def _offered(settings: TaskRunnerSettings, tasks: Mapping[str, Task] | None) -> Installed:
    """The tasks that this runner offers: the installed ones, or ``tasks``, without those that are left out."""
    chosen = without(installed() if tasks is None else Installed(tasks, ()), settings.tasks.left_out)
    for variable in unused_variables(os.environ, {name: task.settings for name, task in chosen.tasks.items()}):
        _log.warning("task_setting_unused", variable=variable)
    available = configured(chosen)
    if available.problems and not available.tasks:
        raise DeclarationError(available.problems[0].problem)
    return available._replace(tasks=with_required(available.tasks, "gdap.", settings.gdap.required))
