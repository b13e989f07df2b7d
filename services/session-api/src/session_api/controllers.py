"""The controllers of the API, each with the components that its operations need."""

from dataclasses import dataclass
from datetime import timedelta

from litestar import Controller

from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.metrics import MetricsPage
from onboarding_shared.web.controllers import with_parts
from onboarding_shared.web.event_streams import StreamPlaces
from onboarding_shared.web.identity import Authenticator
from session_api.clients.evidence_store import EvidenceStoreClient
from session_api.clients.openid_provider import OpenIdProvider
from session_api.clients.service_states import ServiceStates
from session_api.domain.quotas import Quotas
from session_api.routes.bindings import BindingRoutes
from session_api.routes.bulk_runs import BulkRunRoutes
from session_api.routes.catalogue import CatalogueRoutes
from session_api.routes.connections import ConnectionRoutes
from session_api.routes.consent_callback import ConsentCallback
from session_api.routes.consent_links import ConsentLinks
from session_api.routes.consents import ConsentRoutes
from session_api.routes.customers import CustomerRoutes, TenantNameRoutes
from session_api.routes.dead_letters import dead_letter_routes
from session_api.routes.events import EventRoutes
from session_api.routes.evidence import EvidenceRoutes
from session_api.routes.expiries import ExpiryRoutes
from session_api.routes.link_secrets import LinkSecrets
from session_api.routes.links import Links
from session_api.routes.reports import ReportRoutes
from session_api.routes.runs import RunRoutes
from session_api.routes.runs_of_all import AllRunRoutes
from session_api.routes.services import ServiceRoutes
from session_api.routes.session_lists import SessionListRoutes
from session_api.routes.sessions import SessionRoutes
from session_api.routes.sign_in import SignInRoutes
from session_api.routes.starts import StartRoutes
from session_api.routes.steps import StepRoutes
from session_api.routes.tasks import TaskRoutes
from session_api.routes.users import UserRoutes
from session_api.settings import SessionApiSettings
from session_api.use_cases.bindings import TenantBindings
from session_api.use_cases.connections import Connections
from session_api.use_cases.consents import Consents
from session_api.use_cases.idempotency import IdempotencyKeys
from session_api.use_cases.live_feed import LiveFeed
from session_api.use_cases.preflights import Preflights
from session_api.use_cases.reasons import ReasonCodes
from session_api.use_cases.reports import Reports
from session_api.use_cases.runs import Cancellations, Resumptions, Retries
from session_api.use_cases.services import Services
from session_api.use_cases.sessions import Sessions
from session_api.use_cases.starts import Starts
from session_api.web_application.routes import WebApplication


@dataclass(frozen=True)
class Components:
    """The components that several controllers share."""

    settings: SessionApiSettings
    authenticator: Authenticator
    database: Database
    outbox: Outbox
    starts: Starts
    evidence: EvidenceStoreClient
    states: ServiceStates
    metrics: MetricsPage
    feed: LiveFeed
    quotas: Quotas
    keys: IdempotencyKeys
    reasons: ReasonCodes
    dead_letters: DeadLetterActions

    @property
    def links(self) -> Links:
        """The addresses of this API in answers."""
        return Links(self.settings.public_url)


def controllers(parts: Components) -> list[type[Controller]]:
    """Return the controllers of all operations."""
    return [
        *_of_sessions(parts),
        *_of_customers(parts),
        *_of_runs(parts),
        *_of_connections(parts),
        *_of_results(parts),
        *_of_people(parts),
        *_of_operators(parts),
    ]


def _of_sessions(parts: Components) -> list[type[Controller]]:
    lock_lasts = timedelta(seconds=parts.settings.edit_lock_seconds)
    sessions = Sessions(parts.database, parts.outbox, lock_lasts=lock_lasts, quotas=parts.quotas, keys=parts.keys)
    return [
        with_parts(SessionRoutes, sessions=sessions, database=parts.database, links=parts.links),
        with_parts(SessionListRoutes, database=parts.database, links=parts.links),
    ]


def _of_customers(parts: Components) -> list[type[Controller]]:
    places = StreamPlaces(parts.settings.streams.most, parts.settings.streams.most_of_caller)
    return [
        with_parts(CustomerRoutes, database=parts.database, links=parts.links),
        with_parts(ExpiryRoutes, database=parts.database, links=parts.links),
        with_parts(TenantNameRoutes, database=parts.database),
        with_parts(EventRoutes, feed=parts.feed, places=places, authenticator=parts.authenticator),
    ]


def _of_runs(parts: Components) -> list[type[Controller]]:
    silence_seconds = parts.settings.silence_seconds
    cancellations = Cancellations(parts.database, parts.outbox, silence_seconds=silence_seconds)
    resumptions = Resumptions(parts.database, parts.outbox, silence_seconds=silence_seconds)
    retries = Retries(parts.database, parts.starts)
    preflights = Preflights(parts.database, parts.evidence, quotas=parts.quotas)
    return [
        with_parts(CatalogueRoutes, database=parts.database, reasons=parts.reasons, feed=parts.feed),
        with_parts(TaskRoutes, database=parts.database, reasons=parts.reasons, feed=parts.feed),
        with_parts(StartRoutes, starts=parts.starts, retries=retries, preflights=preflights, links=parts.links),
        with_parts(
            StepRoutes,
            starts=parts.starts,
            database=parts.database,
            reasons=parts.reasons,
            feed=parts.feed,
            links=parts.links,
        ),
        with_parts(
            RunRoutes,
            cancellations=cancellations,
            resumptions=resumptions,
            database=parts.database,
            reasons=parts.reasons,
            links=parts.links,
        ),
        with_parts(AllRunRoutes, database=parts.database, reasons=parts.reasons, links=parts.links),
        with_parts(BulkRunRoutes, cancellations=cancellations, retries=retries, links=parts.links),
    ]


def _of_connections(parts: Components) -> list[type[Controller]]:
    settings, database, outbox = parts.settings, parts.database, parts.outbox
    silence_seconds = settings.silence_seconds
    connections = Connections(database, outbox, silence_seconds=silence_seconds, quotas=parts.quotas, keys=parts.keys)
    bindings = TenantBindings(database, outbox, silence_seconds=silence_seconds)
    lasts = timedelta(seconds=settings.consent.request_seconds)
    consents = Consents(database, outbox, parts.starts, lasts=lasts, silence_seconds=silence_seconds, keys=parts.keys)
    rules = {
        "credential_references": settings.credential_references,
        "partner_tenant_id": settings.partner_tenant_id,
    }
    return [
        with_parts(ConnectionRoutes, connections=connections, database=database, links=parts.links, **rules),
        with_parts(BindingRoutes, bindings=bindings, database=database, links=parts.links, **rules),
        with_parts(
            ConsentRoutes,
            consents=consents,
            consent_links=ConsentLinks(settings.consent, settings.public_url),
            link_secrets=LinkSecrets(settings.run_keys.secrets),
            database=database,
            links=parts.links,
        ),
        with_parts(ConsentCallback, consents=consents),
    ]


def _of_results(parts: Components) -> list[type[Controller]]:
    return [
        with_parts(EvidenceRoutes, store=parts.evidence, links=parts.links),
        with_parts(ReportRoutes, reports=Reports(parts.database, parts.evidence), reasons=parts.reasons),
    ]


def _of_people(parts: Components) -> list[type[Controller]]:
    oidc = parts.settings.oidc
    provider = OpenIdProvider(oidc.authority) if oidc.authority else None
    return [
        with_parts(UserRoutes, database=parts.database, links=parts.links),
        with_parts(SignInRoutes, provider=provider, client_id=oidc.client_id, scopes=oidc.scopes),
        with_parts(WebApplication, provider=provider),
    ]


def _of_operators(parts: Components) -> list[type[Controller]]:
    pages = parts.settings.health_pages
    addresses = {
        "task-runner": pages.task_runner_url,
        "evidence-store": pages.evidence_store_url or parts.settings.evidence_store_url,
    }
    return [
        with_parts(ServiceRoutes, services=Services(parts.metrics, parts.states, addresses)),
        dead_letter_routes(parts.dead_letters, parts.evidence, parts.links, parts.settings.public_url),
    ]
