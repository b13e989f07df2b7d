"""What this service tells Prometheus beside what every service does."""

from importlib.metadata import version

from prometheus_client import Counter

from onboarding_shared.messaging.backlog_rows import BacklogRows
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.gauges import process_gauges
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.runtime.metrics import Backlog, MetricsPage
from session_api.store.active_runs import ACTIVE_RUNS, RUNS_ACTIVE

STARTS = Counter("onboarding_starts_total", "Starts of tasks by what was decided", ["outcome"])
COMMANDS_REPEATED = Counter("onboarding_commands_repeated_total", "Runs whose silent runner was asked again")
SWEEP_FAILURES = Counter("onboarding_sweep_failures_total", "Looks for silent runs that failed")
READS_FAILED = Counter("onboarding_evidence_reads_failed_total", "Reads of evidence that evidence-store did not answer")


def metrics_page(database: Database, relay: Relay, consumer: Consumer) -> MetricsPage:
    """The page of one process."""
    rows = BacklogRows(database, (RUNS_ACTIVE,), ACTIVE_RUNS)
    return MetricsPage(
        "session-api",
        version("onboarding-session-api"),
        parts=[process_gauges(database, relay, consumer)],
        backlog=Backlog(rows.gauges, rows.read),
    )
