"""The wiring of session-api."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from litestar import Litestar

from onboarding_shared.contracts.topics import published_by, source_of
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions, dead_letter_actions
from onboarding_shared.messaging.metrics_page import BacklogRows, metrics_page
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.postgres.old_rows import OldRows
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.event_streams import NoPlace
from onboarding_shared.web.identity import Authenticator
from onboarding_shared.web.openapi_page import add_examples
from onboarding_shared.web.problem_responses import Translation
from onboarding_shared.web.rate_limit import RateLimit
from session_api.clients.evidence_store import EvidenceStoreClient
from session_api.clients.service_states import ServiceStates
from session_api.consumers import GROUP, applies
from session_api.controllers import Components, controllers
from session_api.domain.idempotency import KeyInProgress, KeyOfAnother
from session_api.domain.quotas import Quotas
from session_api.health import readiness_checks
from session_api.routes.consent_links import CALLBACK
from session_api.routes.events import no_place
from session_api.routes.examples import EXAMPLES
from session_api.routes.idempotency import key_in_progress, key_of_another
from session_api.routes.openapi import describe_as_the_contract
from session_api.routes.problems import CODES, database_unavailable
from session_api.routes.report_openapi import describe_forms_of_report
from session_api.routes.reports import too_many_reports
from session_api.routes.sign_in import PATH as SIGN_IN
from session_api.settings import RetentionSettings, SessionApiSettings
from session_api.store.retention import remove_old_history, remove_old_runs
from session_api.store.runs import ACTIVE_RUNS, RUNS_ACTIVE
from session_api.use_cases.catalogue import Catalogue
from session_api.use_cases.idempotency import IdempotencyKeys
from session_api.use_cases.live_feed import LiveFeed
from session_api.use_cases.projection import Projection
from session_api.use_cases.reasons import ReasonCodes
from session_api.use_cases.report_turns import TooManyReports
from session_api.use_cases.resends import Sweeper
from session_api.use_cases.starts import Starts
from session_api.use_cases.stream_ids import StreamIds
from session_api.use_cases.users import Users
from session_api.web_application.files import PUBLIC_PATHS

SERVICE = "session-api"
DESCRIPTION = ApiDescription(
    title="Managed Tenant Onboarding",
    text="Onboarding sessions, evidence, and onboarding tasks (OperationRun-backed).",
    codes=CODES,
)

TRANSLATIONS: Mapping[type[Exception], Translation] = {
    DatabaseUnavailable: database_unavailable,
    KeyInProgress: key_in_progress,
    KeyOfAnother: key_of_another,
    NoPlace: no_place,
    TooManyReports: too_many_reports,
}


@dataclass(frozen=True)
class SessionApi:
    """The components of one process."""

    app: HttpApplication
    database: Database
    outbox: Outbox
    relay: Relay
    consumer: Consumer
    sweeper: Sweeper
    starts: Starts
    evidence: EvidenceStoreClient
    states: ServiceStates
    feed: LiveFeed
    old_rows: Sequence[OldRows]

    async def start(self) -> None:
        """Start to publish, to consume and to sweep."""
        await self.relay.start()
        await self.consumer.start()
        await self.sweeper.start()
        self.feed.start()
        for removal in self.old_rows:
            removal.start()

    async def stop(self) -> None:
        """Stop consuming, finish what is in progress, publish the rest of the outbox."""
        await self.feed.stop()
        for removal in self.old_rows:
            await removal.stop()
        await self.sweeper.stop()
        await self.consumer.stop()
        await self.starts.settle()
        await self.relay.stop()
        await self.evidence.close()
        await self.states.close()
        await self.database.close()


def build(settings: SessionApiSettings) -> SessionApi:
    """The whole service, not started: the application's lifespan starts and stops it."""
    database = Database(settings.database.url, application_name=SERVICE, pool_size=settings.database.pool_size)
    relay = Relay(database, settings.kafka, source=source_of(SERVICE), topics=published_by(SERVICE))
    outbox = Outbox(relay.hand_over, command_keys=settings.command_keys.keys)
    projection = Projection(silence_seconds=settings.silence_seconds)
    catalogue = Catalogue(released=settings.released_task_types)
    run_keys = settings.run_keys.keys
    consumer = Consumer(
        settings.kafka, database, outbox, group=GROUP, applies=applies(projection, catalogue), run_keys=run_keys
    )
    sweeper = Sweeper(
        database,
        outbox,
        silence_seconds=settings.silence_seconds,
        every_seconds=settings.sweep_seconds,
        keys_last_seconds=settings.idempotency_key_seconds,
        run_keys=run_keys,
    )
    keys = IdempotencyKeys(lasts_seconds=settings.idempotency_key_seconds)
    quotas = Quotas(**settings.quotas.model_dump())
    starts = Starts(
        database, outbox, silence_seconds=settings.silence_seconds, quotas=quotas, keys=keys, run_keys=run_keys
    )
    evidence = EvidenceStoreClient(settings.evidence_store_url, timeout_seconds=settings.evidence_timeout_seconds)
    states = ServiceStates()
    feed = LiveFeed(settings.kafka, settings.streams, run_keys, StreamIds(settings.run_keys.secrets))
    metrics = metrics_page(
        SERVICE,
        database,
        relay,
        consumer,
        backlog=BacklogRows(database, (RUNS_ACTIVE,), ACTIVE_RUNS),
        parts=[feed.gauges()],
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    per_minute = settings.caller_requests_per_minute
    authenticator = Authenticator(settings.identity, recognise=Users(database).recognise)
    app = build_http(
        DESCRIPTION,
        authenticator=authenticator,
        routes=controllers(
            Components(
                settings,
                authenticator,
                database,
                outbox,
                starts,
                evidence,
                states,
                metrics,
                feed,
                quotas,
                keys,
                ReasonCodes(database),
                dead_letters(settings, database, outbox),
            )
        ),
        checks=readiness_checks(database, relay, consumer, sweeper),
        lifespan=[lifespan],
        public_paths=[CALLBACK, SIGN_IN, *PUBLIC_PATHS],
        get_only_paths=[CALLBACK],
        cors_origins=settings.cors_origins,
        metrics=metrics,
        translations=TRANSLATIONS,
        rate_limit=RateLimit(per_minute) if per_minute else None,
        health_apart=settings.http.health_port is not None,
    )
    describe_as_the_contract(app.openapi_schema)
    add_examples(app.openapi_schema, EXAMPLES)
    describe_forms_of_report(app.openapi_schema)
    app.before_drain = feed.end_streams
    old_rows = removals(database, settings.retention)
    service = SessionApi(app, database, outbox, relay, consumer, sweeper, starts, evidence, states, feed, old_rows)
    return service


def removals(database: Database, retention: RetentionSettings) -> list[OldRows]:
    """The removals of old rows that the settings ask for."""
    wanted = (
        ("operation_runs", retention.run_days, remove_old_runs),
        ("session_history", retention.history_days, remove_old_history),
    )
    return [OldRows(table, database, remove(days)) for table, days, remove in wanted if days]


def dead_letters(settings: SessionApiSettings, database: Database, outbox: Outbox | None = None) -> DeadLetterActions:
    """The actions on dead letters. Without an outbox the relay of another process publishes."""
    projection = Projection(silence_seconds=settings.silence_seconds)
    return dead_letter_actions(
        SERVICE,
        database,
        outbox or Outbox(),
        group=GROUP,
        applies=applies(projection, Catalogue(released=settings.released_task_types)),
        window=settings.kafka.sequence_window,
        run_keys=settings.run_keys.keys,
    )
