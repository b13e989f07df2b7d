"""What this service tells Prometheus beside what its parts count."""

from collections.abc import Iterator
from importlib.metadata import version

from onboarding_shared.messaging.backlog_rows import BacklogRows
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.gauges import process_gauges
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.runtime.metrics import Backlog, Live, MetricsPage, Reading
from task_runner.store.queue import QUEUE, QUEUE_GAUGES
from task_runner.worker.metrics import SLOTS, UNDER_WAY
from task_runner.worker.worker import Worker


def metrics_page(database: Database, relay: Relay, consumer: Consumer, worker: Worker) -> MetricsPage:
    """The page of one process."""

    def look() -> Iterator[Reading]:
        yield Reading(UNDER_WAY, float(len(worker.pool.attempts())))
        yield Reading(SLOTS, float(worker.slots))

    rows = BacklogRows(database, QUEUE_GAUGES, QUEUE)
    return MetricsPage(
        "task-runner",
        version("onboarding-task-runner"),
        parts=[process_gauges(database, relay, consumer), Live((UNDER_WAY, SLOTS), look)],
        backlog=Backlog(rows.gauges, rows.read),
    )
