"""The SQL behind the metrics page: what waits in a service's database, in one statement that cannot take long."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.metrics import OUTBOX_AGE, OUTBOX_MESSAGES
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.metrics import Backlog, Gauge, Live, MetricsPage, Reading

COUNTED_AT_MOST = 10_000
"""A backlog is counted up to here: beyond it the number says no more than that there are more."""

_STATEMENT_TIMEOUT = text("SELECT set_config('statement_timeout', '5000', true)")

# The oldest row is the first that the relay would read: ids do not commit in order, but nearly.
_OUTBOX = f"""
SELECT '{OUTBOX_MESSAGES.name}' AS gauge, NULL AS label, CAST(count(*) AS float8) AS value
FROM (SELECT FROM outbox LIMIT {COUNTED_AT_MOST}) o
UNION ALL
SELECT '{OUTBOX_AGE.name}', NULL,
       CAST(coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - created_at))
                      FROM outbox ORDER BY id LIMIT 1), 0) AS float8)
"""  # noqa: S608 - no input, only constants of ours


class BacklogRows:
    """Reads the backlog of one service: its outbox, and what its ``more`` selects.

    ``more`` has selects of the same three columns: the name of one of ``gauges``, the value of its label, the value.
    """

    def __init__(self, database: Database, gauges: Sequence[Gauge] = (), *more: str) -> None:
        self._database = database
        self.gauges: tuple[Gauge, ...] = (OUTBOX_MESSAGES, OUTBOX_AGE, *gauges)
        self._by_name = {one.name: one for one in self.gauges}
        self._statement = text("\nUNION ALL\n".join((_OUTBOX, *more)))

    async def read(self) -> Sequence[Reading]:
        """Every value. Raises ``DatabaseUnavailable``, also when it takes more than five seconds."""
        async with self._database.transaction() as connection:
            await connection.execute(_STATEMENT_TIMEOUT)
            rows = await connection.execute(self._statement)
            return [Reading(self._by_name[gauge], value, label) for gauge, label, value in rows]


def process_gauges(database: Database, relay: Relay, consumer: Consumer) -> Live:
    """What every service shows of itself."""

    def look() -> Iterator[Reading]:
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

    return Live(metrics.PROCESS_GAUGES, look)


def metrics_page(
    service: str,
    database: Database,
    relay: Relay,
    consumer: Consumer,
    *,
    backlog: BacklogRows | None = None,
    parts: Sequence[Live] = (),
) -> MetricsPage:
    """The page of one process of ``service``: the common metrics, its ``backlog``, and ``parts`` of its own."""
    rows = backlog or BacklogRows(database)
    return MetricsPage(
        service,
        version(f"onboarding-{service}"),
        parts=[process_gauges(database, relay, consumer), *parts],
        backlog=Backlog(rows.gauges, rows.read),
    )
