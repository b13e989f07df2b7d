"""The wiring of evidence-store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from evidence_store.consumers import GROUP, applies
from evidence_store.health import readiness_checks
from evidence_store.routes.evidence import EvidenceRoutes
from evidence_store.routes.examples import EXAMPLES
from evidence_store.routes.problems import CODES, database_unavailable
from evidence_store.routes.records import RecordRoutes
from evidence_store.routes.schemas import SCHEMA_PATHS, get_schema, list_schemas
from evidence_store.routes.verification import VerificationRoutes
from evidence_store.settings import EvidenceStoreSettings
from evidence_store.use_cases.break_reports import BreakReports
from evidence_store.use_cases.recording import Recording
from evidence_store.use_cases.verification import Verifier
from onboarding_shared.contracts.topics import published_by, source_of
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions, dead_letter_actions
from onboarding_shared.messaging.dead_letter_routes import DeadLetterRoutes
from onboarding_shared.messaging.metrics_page import metrics_page
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.controllers import with_parts
from onboarding_shared.web.identity import Authenticator
from onboarding_shared.web.openapi_page import add_examples

SERVICE = "evidence-store"
DESCRIPTION = ApiDescription(
    title="Evidence store",
    text="The evidence that each onboarding run collected: append-only, sealed in a hash chain per tenant.",
    codes=CODES,
)


class EvidenceStore:
    """The components of one process, and the order in which they start and stop."""

    def __init__(self, settings: EvidenceStoreSettings) -> None:
        self.database = Database(settings.database.url, application_name=SERVICE, pool_size=settings.database.pool_size)
        self.relay = Relay(self.database, settings.kafka, source=source_of(SERVICE), topics=published_by(SERVICE))
        self.outbox = Outbox(self.relay.hand_over)
        self.consumer = Consumer(
            settings.kafka,
            self.database,
            self.outbox,
            group=GROUP,
            applies=applies(Recording(self.outbox)),
            run_keys=settings.run_keys.keys,
        )
        self.http: HttpApplication = build_http(
            DESCRIPTION,
            authenticator=Authenticator(settings.identity),
            routes=[
                with_parts(EvidenceRoutes, database=self.database),
                with_parts(RecordRoutes, database=self.database),
                with_parts(
                    VerificationRoutes,
                    verifier=Verifier(self.database),
                    reports=BreakReports(self.database, self.outbox),
                ),
                with_parts(DeadLetterRoutes, actions=dead_letters(settings, self.database, self.outbox), public_url=""),
                list_schemas,
                get_schema,
            ],
            checks=readiness_checks(self.database, self.relay, self.consumer),
            lifespan=[self._lifespan],
            translations={DatabaseUnavailable: database_unavailable},
            public_paths=SCHEMA_PATHS,
            metrics=metrics_page(SERVICE, self.database, self.relay, self.consumer),
            health_apart=settings.http.health_port is not None,
        )
        add_examples(self.http.openapi_schema, EXAMPLES)

    async def start(self) -> None:
        """Start to publish and to consume. Kafka and PostgreSQL may be unavailable at this time."""
        await self.relay.start()
        await self.consumer.start()

    async def stop(self) -> None:
        """Finish the batch in progress, leave the group, publish the rest of the outbox, close the database."""
        await self.consumer.stop()
        await self.relay.stop()
        await self.database.close()

    @asynccontextmanager
    async def _lifespan(self, _: Litestar) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()


def build(settings: EvidenceStoreSettings) -> EvidenceStore:
    """The service. Nothing runs before ``start``, which serving ``http`` calls.

    Raises ``SettingsError`` where the key set cannot be used.
    """
    return EvidenceStore(settings)


def dead_letters(
    settings: EvidenceStoreSettings, database: Database, outbox: Outbox | None = None
) -> DeadLetterActions:
    """The actions on dead letters. Without an outbox the relay of another process publishes."""
    own_outbox = outbox or Outbox()
    return dead_letter_actions(
        SERVICE,
        database,
        own_outbox,
        group=GROUP,
        applies=applies(Recording(own_outbox)),
        window=settings.kafka.sequence_window,
        run_keys=settings.run_keys.keys,
    )
