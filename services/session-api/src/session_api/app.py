"""The wiring of session-api."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from litestar import Controller, Litestar

from onboarding_shared.contracts.topics import published_by, source_of
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.metrics_page import BacklogRows, metrics_page
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.controllers import with_parts
from onboarding_shared.web.event_streams import NoPlace, StreamPlaces
from onboarding_shared.web.identity import Authenticator
from onboarding_shared.web.openapi_page import add_examples
from onboarding_shared.web.rate_limit import RateLimit
from session_api.clients.evidence_store import EvidenceStoreClient
from session_api.clients.openid_provider import OpenIdProvider
from session_api.consumers import GROUP, applies
from session_api.domain.idempotency import KeyInProgress, KeyOfAnother
from session_api.domain.quotas import Quotas
from session_api.health import readiness_checks
from session_api.routes.bindings import BindingRoutes
from session_api.routes.catalogue import CatalogueRoutes
from session_api.routes.connections import ConnectionRoutes
from session_api.routes.consent_callback import ConsentCallback
from session_api.routes.consent_links import CALLBACK, ConsentLinks
from session_api.routes.consents import ConsentRoutes
from session_api.routes.customers import CustomerRoutes, TenantNameRoutes
from session_api.routes.events import EventRoutes, no_place
from session_api.routes.evidence import EvidenceRoutes
from session_api.routes.examples import EXAMPLES
from session_api.routes.idempotency import key_in_progress, key_of_another
from session_api.routes.link_secrets import LinkSecrets
from session_api.routes.links import Links
from session_api.routes.openapi import describe_as_the_contract
from session_api.routes.problems import CODES, database_unavailable
from session_api.routes.report_openapi import describe_forms_of_report
from session_api.routes.reports import ReportRoutes
from session_api.routes.runs import RunRoutes
from session_api.routes.runs_of_all import AllRunRoutes
from session_api.routes.session_lists import SessionListRoutes
from session_api.routes.sessions import SessionRoutes
from session_api.routes.sign_in import PATH as SIGN_IN
from session_api.routes.sign_in import SignInRoutes
from session_api.routes.starts import StartRoutes
from session_api.routes.steps import StepRoutes
from session_api.routes.tasks import TaskRoutes
from session_api.routes.users import UserRoutes
from session_api.settings import SessionApiSettings
from session_api.store.runs import ACTIVE_RUNS, RUNS_ACTIVE
from session_api.use_cases.bindings import TenantBindings
from session_api.use_cases.catalogue import Catalogue
from session_api.use_cases.connections import Connections
from session_api.use_cases.consents import Consents
from session_api.use_cases.idempotency import IdempotencyKeys
from session_api.use_cases.live_feed import LiveFeed
from session_api.use_cases.preflights import Preflights
from session_api.use_cases.projection import Projection
from session_api.use_cases.reports import Reports
from session_api.use_cases.resends import Sweeper
from session_api.use_cases.runs import Cancellations, Resumptions, Retries
from session_api.use_cases.sessions import Sessions
from session_api.use_cases.starts import Starts
from session_api.use_cases.users import Users
from session_api.web_application.files import PUBLIC_PATHS
from session_api.web_application.routes import WebApplication

SERVICE = "session-api"
DESCRIPTION = ApiDescription(
    title="Managed Tenant Onboarding",
    text="Onboarding sessions, evidence, and onboarding tasks (OperationRun-backed).",
    codes=CODES,
)


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
    feed: LiveFeed

    async def start(self) -> None:
        """Start to publish, to consume and to sweep."""
        await self.relay.start()
        await self.consumer.start()
        await self.sweeper.start()
        self.feed.start()

    async def stop(self) -> None:
        """Stop consuming, finish what is in progress, publish the rest of the outbox."""
        await self.feed.stop()
        await self.sweeper.stop()
        await self.consumer.stop()
        await self.starts.settle()
        await self.relay.stop()
        await self.evidence.close()
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
        database,
        outbox,
        silence_seconds=settings.silence_seconds,
        quotas=quotas,
        keys=keys,
        run_keys=run_keys,
    )
    evidence = EvidenceStoreClient(settings.evidence_store_url, timeout_seconds=settings.evidence_timeout_seconds)
    feed = LiveFeed(settings.kafka, settings.streams, run_keys)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    per_minute = settings.caller_requests_per_minute
    app = build_http(
        DESCRIPTION,
        authenticator=Authenticator(settings.identity, recognise=Users(database).recognise),
        routes=[*_routes(settings, database, outbox, starts, evidence, quotas, keys), _event_routes(settings, feed)],
        checks=readiness_checks(database, relay, consumer, sweeper),
        lifespan=[lifespan],
        public_paths=[CALLBACK, SIGN_IN, *PUBLIC_PATHS],
        get_only_paths=[CALLBACK],
        cors_origins=settings.cors_origins,
        metrics=metrics_page(
            SERVICE,
            database,
            relay,
            consumer,
            backlog=BacklogRows(database, (RUNS_ACTIVE,), ACTIVE_RUNS),
            parts=[feed.gauges()],
        ),
        translations={
            DatabaseUnavailable: database_unavailable,
            KeyInProgress: key_in_progress,
            KeyOfAnother: key_of_another,
            NoPlace: no_place,
        },
        rate_limit=RateLimit(per_minute) if per_minute else None,
        health_apart=settings.http.health_port is not None,
    )
    describe_as_the_contract(app.openapi_schema)
    add_examples(app.openapi_schema, EXAMPLES)
    describe_forms_of_report(app.openapi_schema)
    app.before_drain = feed.end_streams
    service = SessionApi(app, database, outbox, relay, consumer, sweeper, starts, evidence, feed)
    return service


def _event_routes(settings: SessionApiSettings, feed: LiveFeed) -> type[Controller]:
    places = StreamPlaces(settings.streams.most, settings.streams.most_of_caller)
    return with_parts(EventRoutes, feed=feed, places=places)


def _routes(
    settings: SessionApiSettings,
    database: Database,
    outbox: Outbox,
    starts: Starts,
    evidence: EvidenceStoreClient,
    quotas: Quotas,
    keys: IdempotencyKeys,
) -> list[type[Controller]]:
    links = Links(settings.public_url)
    sessions = Sessions(
        database, outbox, lock_lasts=timedelta(seconds=settings.edit_lock_seconds), quotas=quotas, keys=keys
    )
    retries = Retries(database, starts)
    preflights = Preflights(database, evidence, quotas=quotas)
    cancellations = Cancellations(database, outbox, silence_seconds=settings.silence_seconds)
    resumptions = Resumptions(database, outbox, silence_seconds=settings.silence_seconds)
    connections = Connections(
        database,
        outbox,
        silence_seconds=settings.silence_seconds,
        quotas=quotas,
        keys=keys,
    )
    bindings = TenantBindings(database, outbox, silence_seconds=settings.silence_seconds)
    consents = Consents(
        database,
        outbox,
        starts,
        lasts=timedelta(seconds=settings.consent.request_seconds),
        silence_seconds=settings.silence_seconds,
        keys=keys,
    )
    provider = OpenIdProvider(settings.oidc.authority) if settings.oidc.authority else None
    consent_links = ConsentLinks(settings.consent, settings.public_url)
    return [
        with_parts(SessionRoutes, sessions=sessions, database=database, links=links),
        with_parts(SessionListRoutes, database=database, links=links),
        with_parts(CatalogueRoutes, database=database),
        with_parts(CustomerRoutes, database=database, links=links),
        with_parts(TenantNameRoutes, database=database),
        with_parts(AllRunRoutes, database=database, links=links),
        with_parts(TaskRoutes, database=database),
        with_parts(StartRoutes, starts=starts, retries=retries, preflights=preflights, links=links),
        with_parts(StepRoutes, starts=starts, database=database, links=links),
        with_parts(RunRoutes, cancellations=cancellations, resumptions=resumptions, database=database, links=links),
        with_parts(
            ConnectionRoutes,
            connections=connections,
            database=database,
            links=links,
            credential_references=settings.credential_references,
            partner_tenant_id=settings.partner_tenant_id,
        ),
        with_parts(
            BindingRoutes,
            bindings=bindings,
            database=database,
            links=links,
            credential_references=settings.credential_references,
            partner_tenant_id=settings.partner_tenant_id,
        ),
        with_parts(
            ConsentRoutes,
            consents=consents,
            consent_links=consent_links,
            link_secrets=LinkSecrets(settings.run_keys.secrets),
            database=database,
            links=links,
        ),
        with_parts(ConsentCallback, consents=consents),
        with_parts(EvidenceRoutes, store=evidence, links=links),
        with_parts(UserRoutes, database=database, links=links),
        with_parts(
            SignInRoutes,
            provider=provider,
            client_id=settings.oidc.client_id,
            scopes=settings.oidc.scopes,
        ),
        with_parts(ReportRoutes, reports=Reports(database, evidence)),
        with_parts(WebApplication, provider=provider),
    ]
