"""The services and their state. For operators of the platform, whatever tenants their token has."""

from datetime import datetime
from typing import Literal

from litestar import Controller, get
from msgspec import Struct

from onboarding_shared.web.identity import requires_platform
from session_api.domain.services import ServiceReport
from session_api.use_cases.services import Services


class ServiceCheck(Struct, kw_only=True):
    """The result of one readiness check of the process."""

    name: str
    status: Literal["UP", "DOWN"]


class ConsumerLag(Struct, kw_only=True):
    """The messages of a topic that the process has not read yet."""

    topic: str
    messages: int


class ServiceInstance(Struct, kw_only=True):
    """One process of a service; with ``reachable`` false, ``error`` says why none is known.

    A figure that is unknown, or that the service does not have, is null. ``outbox_messages``, ``dead_letters`` and
    ``queue_runs`` are counted up to 10000. ``leases`` are the runs that the process executes.
    """

    service: str
    instance: str | None
    version: str | None
    reachable: bool
    ready: bool
    checks: list[ServiceCheck]
    publishes: bool | None
    outbox_messages: int | None
    outbox_age_seconds: float | None
    consumer_lag: list[ConsumerLag] | None
    dead_letters: int | None
    leases: int | None
    worker_slots: int | None
    queue_runs: int | None
    queue_age_seconds: float | None
    started_at: datetime | None
    error: str | None


class ServiceRoutes(Controller):
    """The operation on ``/onboarding/services``."""

    path = "/onboarding/services"
    tags = ("services",)
    guards = (requires_platform(),)

    services: Services

    @get(summary="List the services with their state", operation_id="listServices")
    async def list_services(self) -> list[ServiceInstance]:
        """Return each process that answers, and each service of which none does. Takes up to 8 seconds."""
        return [_body(report) for report in await self.services.look()]


def _body(report: ServiceReport) -> ServiceInstance:
    lags = report.consumer_lag
    return ServiceInstance(
        service=report.service,
        instance=report.instance,
        version=report.version,
        reachable=report.error is None,
        ready=report.ready,
        checks=[ServiceCheck(name=check.name, status=check.status) for check in report.checks],
        publishes=report.publishes,
        outbox_messages=report.outbox_messages,
        outbox_age_seconds=report.outbox_age_seconds,
        consumer_lag=None if lags is None else [ConsumerLag(topic=lag.topic, messages=lag.messages) for lag in lags],
        dead_letters=report.dead_letters,
        leases=report.leases,
        worker_slots=report.worker_slots,
        queue_runs=report.queue_runs,
        queue_age_seconds=report.queue_age_seconds,
        started_at=report.started_at,
        error=report.error,
    )
