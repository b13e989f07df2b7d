"""The metrics page of a service, with the backlog in its database, which one bounded SQL statement reads."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.metrics import DEAD_LETTERS_KEPT, OUTBOX_AGE, OUTBOX_MESSAGES
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.metrics import Backlog, Gauge, Live, MetricsPage, Reading

COUNTED_AT_MOST = 10_000
"""Upper bound of a counted backlog."""

_STATEMENT_TIMEOUT = text("SELECT set_config('statement_timeout', '5000', true)")

# The row with the lowest id is approximately the oldest: ids do not commit in order, but nearly.
_MESSAGES = f"""
SELECT '{OUTBOX_MESSAGES.name}' AS gauge, NULL AS label, CAST(count(*) AS float8) AS value
FROM (SELECT FROM outbox LIMIT {COUNTED_AT_MOST}) o
UNION ALL
SELECT '{OUTBOX_AGE.name}', NULL,
       CAST(coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - created_at))
                      FROM outbox ORDER BY id LIMIT 1), 0) AS float8)
UNION ALL
SELECT '{DEAD_LETTERS_KEPT.name}', NULL, CAST(count(*) AS float8)
FROM (SELECT FROM dead_letters WHERE state = 'kept' LIMIT {COUNTED_AT_MOST}) d
"""  # noqa: S608 - built from constants only


class BacklogRows:
    """Reads the backlog of one service: its outbox, its dead letters and the results of ``more``.

    ``more`` are SELECT statements with three columns: the name of one of ``gauges``, its label value, its value.
    """

    def __init__(self, database: Database, gauges: Sequence[Gauge] = (), *more: str) -> None:
        self._database = database
        self.gauges: tuple[Gauge, ...] = (OUTBOX_MESSAGES, OUTBOX_AGE, DEAD_LETTERS_KEPT, *gauges)
        self._by_name = {gauge.name: gauge for gauge in self.gauges}
        self._statement = text("\nUNION ALL\n".join((_MESSAGES, *more)))

    async def read(self) -> Sequence[Reading]:
        """Read all values. Raises ``DatabaseUnavailable``, also after a statement timeout of five seconds."""
        async with self._database.transaction() as tx:
            await tx.execute(_STATEMENT_TIMEOUT)
            rows = await tx.execute(self._statement)
            return [Reading(self._by_name[gauge], value, label) for gauge, label, value in rows]


def process_gauges(database: Database, relay: Relay, consumer: Consumer) -> Live:
    """The gauges that every service process measures itself."""

    def measure() -> Iterator[Reading]:
        progress = consumer.progress
        yield Reading(metrics.RELAY_UP, float(relay.connected))
        yield Reading(metrics.RELAY_ACTIVE, float(relay.connected and not relay.standing_by))
        yield Reading(metrics.CONSUMER_UP, float(progress.connected))
        yield Reading(metrics.CONSUMER_STILL, progress.seconds_still)
        for topic, lag in progress.lags.items():
            yield Reading(metrics.CONSUMER_LAG, float(lag), topic)
        pool = database.engine.pool
        if isinstance(pool, QueuePool):
            yield Reading(metrics.CONNECTIONS, float(pool.checkedout()), "in use")
            yield Reading(metrics.CONNECTIONS, float(pool.checkedin()), "idle")

    return Live(metrics.PROCESS_GAUGES, measure)


def metrics_page(
    service: str,
    database: Database,
    relay: Relay,
    consumer: Consumer,
    *,
    backlog: BacklogRows | None = None,
    parts: Sequence[Live] = (),
) -> MetricsPage:
    """Create the page of a ``service`` process: the common metrics, its ``backlog`` and additional ``parts``."""
    rows = backlog or BacklogRows(database)
    return MetricsPage(
        service,
        version(f"onboarding-{service}"),
        parts=[process_gauges(database, relay, consumer), *parts],
        backlog=Backlog(rows.gauges, rows.read),
    )
