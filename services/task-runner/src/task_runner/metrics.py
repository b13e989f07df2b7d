"""The metrics of this service beside those that every service has. Labels are bounded: never a tenant or a run."""

from collections.abc import Callable

from prometheus_client import Counter, Histogram

from onboarding_shared.telemetry.metrics import Gauge

_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)

CLAIMED = Counter("onboarding_runs_claimed_total", "Attempts that this worker started")
SETTLED = Counter("onboarding_runs_settled_total", "Attempts that were settled, by what became of their run", ["event"])
LATE_WRITES = Counter("onboarding_late_writes_refused_total", "Results refused because the lease was somebody else's")
DROPPED = Counter("onboarding_results_dropped_total", "Results that could not be written while the lease lasted")
LEASES_LOST = Counter("onboarding_leases_lost_total", "Attempts stopped here because their lease had run out")
LEASES_EXPIRED = Counter(
    "onboarding_leases_expired_total", "Leases that ran out unrenewed, by what became of their run", ["event"]
)
UNCLAIMED = Counter("onboarding_runs_unclaimed_total", "Runs that ended because no worker took them in time")
RESENT = Counter("onboarding_results_resent_total", "Results told again because nobody had confirmed them")
ABANDONED = Counter("onboarding_tasks_abandoned_total", "Tasks that went on although they were cancelled")
LOOP_FAILURES = Counter("onboarding_worker_loop_failures_total", "Turns of a background loop that failed", ["loop"])
WAIT = Histogram(
    "onboarding_run_wait_seconds",
    "From when an attempt was due until a worker claimed it",
    ["task_type"],
    buckets=_BOUNDS,
)
EXECUTION = Histogram(
    "onboarding_run_execution_seconds", "From the claim of an attempt until its end", ["task_type"], buckets=_BOUNDS
)

UNDER_WAY = Gauge("onboarding_runs_under_way", "Attempts that run here now")
SLOTS = Gauge("onboarding_worker_slots", "Attempts that may run here at a time")


def count_failures_of(loop: str) -> Callable[[], None]:
    """The function that counts one failed turn of the background loop of this name."""
    return LOOP_FAILURES.labels(loop).inc
