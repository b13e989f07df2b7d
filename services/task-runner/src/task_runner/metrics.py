"""The metrics of task-runner, in addition to those of every service. No label contains a tenant or a run."""

from collections.abc import Callable, Mapping

from msgspec import Struct
from prometheus_client import Counter

from onboarding_shared.contracts import service_states
from onboarding_shared.telemetry.frequent_metrics import FrequentCounter, FrequentHistogram
from onboarding_shared.telemetry.metrics import Gauge

_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)

CLAIMED = FrequentCounter("onboarding_runs_claimed_total", "Attempts started by this process")
SETTLED = FrequentCounter("onboarding_runs_settled_total", "Attempts settled, by the event of their run", "event")
LATE_WRITES = FrequentCounter(
    "onboarding_late_writes_refused_total", "Results rejected because the lease was no longer valid"
)
DROPPED = FrequentCounter(
    "onboarding_results_dropped_total", "Results that could not be written before the lease expired"
)
LEASES_LOST = FrequentCounter(
    "onboarding_leases_lost_total", "Attempts stopped by this process because their lease expired"
)
LEASES_EXPIRED = Counter("onboarding_leases_expired_total", "Expired leases, by the event of their run", ["event"])
ISOLATED = Counter("onboarding_isolated_processes_total", "Processes started for runs that lost two workers")
ISOLATED_LOST = Counter(
    "onboarding_isolated_processes_lost_total",
    "Isolated processes that crashed, were killed or hung",
)
UNCLAIMED = Counter("onboarding_runs_unclaimed_total", "Runs that timed out because no worker claimed them")
RESENT = Counter(
    "onboarding_results_resent_total", "Results published again because evidence-store had not confirmed them"
)
ABANDONED = Counter("onboarding_tasks_abandoned_total", "Tasks that did not stop after their cancellation")
LOOP_FAILURES = Counter("onboarding_worker_loop_failures_total", "Failed iterations of a background loop", ["loop"])
WAIT = FrequentHistogram(
    "onboarding_run_wait_seconds",
    "Time from when an attempt is due until a worker claims it",
    "task_type",
    buckets=_BOUNDS,
)
EXECUTION = FrequentHistogram(
    "onboarding_run_execution_seconds",
    "Time from the claim of an attempt until its end",
    "task_type",
    buckets=_BOUNDS,
)

OF_ATTEMPTS: Mapping[str, FrequentCounter | FrequentHistogram] = {
    "claimed": CLAIMED,
    "waited": WAIT,
    "settled": SETTLED,
    "executed": EXECUTION,
    "lease_lost": LEASES_LOST,
    "late_write": LATE_WRITES,
    "dropped": DROPPED,
}


class Measured(Struct, frozen=True, array_like=True):
    """One measurement of an attempt: a key of ``OF_ATTEMPTS``, the value, and the value of the label if it has one."""

    name: str
    value: float = 1.0
    label: str | None = None


Record = Callable[[Measured], None]


def record(measured: Measured) -> None:
    """Include a measurement, of this process or of its isolated one, in the metrics of this process."""
    OF_ATTEMPTS[measured.name].add(measured.value, measured.label)


UNDER_WAY = Gauge(service_states.RUNS_UNDER_WAY, "Attempts in progress in this process")
ANSWER_BYTES = Gauge(
    "onboarding_provider_answer_bytes",
    "Memory that is counted for answers of providers, of ONBOARDING_ANSWER_MEMORY_MB",
)
BINDINGS_UNUSABLE = Gauge(
    "onboarding_tenant_bindings_unusable",
    "1 while the file of tenant bindings is missing or breaks a rule, else 0",
)
TASKS_UNUSABLE = Gauge(
    "onboarding_task_packages_unusable", "Entry points of tasks that cannot be used; their tasks are missing"
)
SLOTS = Gauge(service_states.WORKER_SLOTS, "Maximum number of attempts in progress in this process")


def count_failures_of(loop: str) -> Callable[[], None]:
    """Return a function that counts one failed iteration of the background loop with this name."""
    return LOOP_FAILURES.labels(loop).inc
