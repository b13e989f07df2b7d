"""The state of one process, as ``/health/state`` shows it, and the names of gauges that other services read in it."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from onboarding_shared.contracts.types import Moment, ShortText

PATH = "/health/state"

OUTBOX_MESSAGES = "onboarding_outbox_messages"
OUTBOX_AGE_SECONDS = "onboarding_outbox_age_seconds"
RELAY_ACTIVE = "onboarding_relay_active"
CONSUMER_UP = "onboarding_consumer_up"
CONSUMER_LAG_MESSAGES = "onboarding_consumer_lag_messages"
DEAD_LETTERS_KEPT = "onboarding_dead_letters_kept"
QUEUE_RUNS = "onboarding_queue_runs"
QUEUE_AGE_SECONDS = "onboarding_queue_age_seconds"
RUNS_UNDER_WAY = "onboarding_runs_under_way"
WORKER_SLOTS = "onboarding_worker_slots"


class CheckState(Struct, frozen=True):
    """The result of one readiness check."""

    name: ShortText
    status: Literal["UP", "DOWN"]


class GaugeState(Struct, frozen=True):
    """One value of a gauge of the metrics page, for one value of its label."""

    name: ShortText
    value: float
    label: ShortText | None = None


class ServiceState(Struct, frozen=True, kw_only=True):
    """A process: what runs in it and since when, whether it is ready, and its gauges. Unknown gauges are absent."""

    service: ShortText
    version: ShortText
    instance: ShortText
    started_at: Moment
    ready: bool
    checks: Annotated[Sequence[CheckState], Meta(max_length=100)]
    gauges: Annotated[Sequence[GaugeState], Meta(max_length=1000)]
