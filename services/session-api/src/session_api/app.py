"""The wiring of session-api, by hand and in one place."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from litestar import Litestar

from onboarding_shared.contracts.topics import spoken_by
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.metrics_page import BacklogRows, metrics_page
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.app import HttpApplication, build_http
from onboarding_shared.web.identity import Authenticator
from session_api.clients.evidence_store import EvidenceStore
from session_api.consumers import GROUP, applies
from session_api.health import readiness_checks
from session_api.routes.catalogue import catalogue_routes
from session_api.routes.connections import connection_routes
from session_api.routes.evidence import evidence_routes
from session_api.routes.links import Links
from session_api.routes.openapi import name_parameters_as_the_contract, say_which_bodies_are_optional
from session_api.routes.problems import CODES, database_unavailable
from session_api.routes.runs import run_routes
from session_api.routes.sessions import session_routes
from session_api.routes.starts import start_routes
from session_api.routes.steps import step_routes
from session_api.routes.tasks import task_routes
from session_api.settings import SessionApiSettings
from session_api.store.runs import ACTIVE_RUNS, RUNS_ACTIVE
from session_api.use_cases.connections import Connections
from session_api.use_cases.preflights import Preflights
from session_api.use_cases.projection import Projection
from session_api.use_cases.resends import Sweeper
from session_api.use_cases.runs import Cancellations, Retries
from session_api.use_cases.sessions import Sessions
from session_api.use_cases.starts import Starts

SERVICE = "session-api"
SOURCE = "/onboarding/session-api"


@dataclass(frozen=True)
class SessionApi:
    """Everything that runs in a process of this service."""

    app: HttpApplication
    database: Database
    outbox: Outbox
    relay: Relay
    consumer: Consumer
    sweeper: Sweeper
    starts: Starts
    evidence: EvidenceStore

    async def start(self) -> None:
        """Begin to publish, to consume and to sweep."""
        await self.relay.start()
        await self.consumer.start()
        await self.sweeper.start()

    async def stop(self) -> None:
        """Take nothing new, finish what is begun, publish what is left."""
        await self.sweeper.stop()
        await self.consumer.stop()
        await self.starts.settle()
        await self.relay.stop()
        await self.evidence.close()
        await self.database.close()


def build(settings: SessionApiSettings) -> SessionApi:
    """The whole service, not started: the application's lifespan starts and stops it."""
    database = Database(settings.database.url, application_name=SERVICE, pool_size=settings.database.pool_size)
    relay = Relay(database, settings.kafka, source=SOURCE, topics=spoken_by("session-api"))
    outbox = Outbox(relay.wake)
    projection = Projection(silence_seconds=settings.silence_seconds)
    consumer = Consumer(settings.kafka, database, outbox, group=GROUP, applies=applies(projection))
    sweeper = Sweeper(database, outbox, silence_seconds=settings.silence_seconds, every_seconds=settings.sweep_seconds)
    starts = Starts(database, outbox, silence_seconds=settings.silence_seconds)
    cancellations = Cancellations(database, outbox, silence_seconds=settings.silence_seconds)
    sessions = Sessions(database, outbox, lock_lasts=timedelta(seconds=settings.edit_lock_seconds))
    evidence = EvidenceStore(settings.evidence_store_url, timeout_seconds=settings.evidence_timeout_seconds)
    links = Links(settings.public_url)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = build_http(
        title="Managed Tenant Onboarding",
        description="Onboarding sessions, evidence, and onboarding tasks (OperationRun-backed).",
        authenticator=Authenticator(settings.identity),
        routes=[
            *session_routes(sessions, database, links),
            *catalogue_routes(database),
            *task_routes(database),
            *start_routes(starts, Retries(database, starts), Preflights(database, evidence), links),
            *step_routes(starts, database, links),
            *run_routes(cancellations, database, links),
            *connection_routes(Connections(database), database, links),
            *evidence_routes(evidence, links),
        ],
        checks=readiness_checks(database, relay, consumer, sweeper),
        lifespan=[lifespan],
        metrics=metrics_page(
            SERVICE, database, relay, consumer, backlog=BacklogRows(database, (RUNS_ACTIVE,), ACTIVE_RUNS)
        ),
        codes=CODES,
        translations={DatabaseUnavailable: database_unavailable},
    )
    name_parameters_as_the_contract(app.openapi_schema)
    say_which_bodies_are_optional(app.openapi_schema)
    service = SessionApi(app, database, outbox, relay, consumer, sweeper, starts, evidence)
    return service
