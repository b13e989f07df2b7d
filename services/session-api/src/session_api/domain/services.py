"""What operators see of the services: the state of each process that answered, and why others did not. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from onboarding_shared.contracts import service_states as gauges
from onboarding_shared.contracts.service_states import CheckState, ServiceState


@dataclass(frozen=True, slots=True)
class TopicLag:
    """The messages of a topic that the process has not read yet."""

    topic: str
    messages: int


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One process of a service, or the reason why none is known. A figure that is unknown is None."""

    service: str
    error: str | None = None
    instance: str | None = None
    version: str | None = None
    started_at: datetime | None = None
    ready: bool = False
    checks: Sequence[CheckState] = ()
    publishes: bool | None = None
    outbox_messages: int | None = None
    outbox_age_seconds: float | None = None
    consumer_lag: Sequence[TopicLag] | None = None
    dead_letters: int | None = None
    leases: int | None = None
    worker_slots: int | None = None
    queue_runs: int | None = None
    queue_age_seconds: float | None = None


def report_of(service: str, state: ServiceState) -> ServiceReport:
    """The report of a process that answered at an address of ``service``.

    The lag is unknown while the consumer is not connected: what it read last may be long ago.
    """
    if state.service != service:
        return ServiceReport(service, error=f"The address is that of another service: {state.service}")
    figures = {gauge.name: gauge.value for gauge in state.gauges if gauge.label is None}
    lags = [
        TopicLag(gauge.label, int(gauge.value))
        for gauge in state.gauges
        if gauge.name == gauges.CONSUMER_LAG_MESSAGES and gauge.label is not None
    ]

    def whole(name: str) -> int | None:
        return None if (value := figures.get(name)) is None else int(value)

    return ServiceReport(
        service,
        instance=state.instance,
        version=state.version,
        started_at=state.started_at,
        ready=state.ready,
        checks=state.checks,
        publishes=None if (active := figures.get(gauges.RELAY_ACTIVE)) is None else active > 0,
        outbox_messages=whole(gauges.OUTBOX_MESSAGES),
        outbox_age_seconds=figures.get(gauges.OUTBOX_AGE_SECONDS),
        consumer_lag=lags if figures.get(gauges.CONSUMER_UP) else None,
        dead_letters=whole(gauges.DEAD_LETTERS_KEPT),
        leases=whole(gauges.RUNS_UNDER_WAY),
        worker_slots=whole(gauges.WORKER_SLOTS),
        queue_runs=whole(gauges.QUEUE_RUNS),
        queue_age_seconds=figures.get(gauges.QUEUE_AGE_SECONDS),
    )
