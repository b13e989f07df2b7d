"""The SQL of the gauges of the queue."""

from onboarding_shared.contracts import service_states
from onboarding_shared.messaging.metrics_page import COUNTED_AT_MOST
from onboarding_shared.telemetry.metrics import Gauge
from task_runner.store.states import CLAIMABLE_STATES, LEASED_ROWS, LEASED_STATES

RUNS_ACTIVE = Gauge("onboarding_runs_active", "Runs that have not ended; 10000 = that or more", "state")
QUEUE_RUNS = Gauge(service_states.QUEUE_RUNS, "Runs that are due and not claimed; 10000 = that or more")
QUEUE_AGE = Gauge(service_states.QUEUE_AGE_SECONDS, "Time since the oldest unclaimed run was due; 0 = no run is due")
QUEUE_GAUGES = (RUNS_ACTIVE, QUEUE_RUNS, QUEUE_AGE)

# Both parts use partial indexes of active runs; the cost does not depend on the number of ended runs.
QUEUE = f"""
SELECT q.gauge, q.label, q.value FROM (
    SELECT count(*) FILTER (WHERE state = 'queued') AS queued, count(*) FILTER (WHERE state = 'waiting') AS waiting,
           count(*) FILTER (WHERE resume_at <= now()) AS due,
           coalesce(greatest(0, extract(epoch FROM now() - min(resume_at) FILTER (WHERE resume_at <= now()))), 0) AS age
    FROM (SELECT state, resume_at FROM executions WHERE state IN {CLAIMABLE_STATES} LIMIT {COUNTED_AT_MOST}) w
) waits CROSS JOIN LATERAL (VALUES
    ('{RUNS_ACTIVE.name}', 'queued', CAST(queued AS float8)),
    ('{RUNS_ACTIVE.name}', 'waiting', CAST(waiting AS float8)),
    ('{QUEUE_RUNS.name}', NULL, CAST(due AS float8)), ('{QUEUE_AGE.name}', NULL, CAST(age AS float8))
) q (gauge, label, value)
UNION ALL
SELECT '{RUNS_ACTIVE.name}', s.state, CAST(count(e.state) AS float8)
FROM (VALUES {LEASED_ROWS}) s (state)
LEFT JOIN (SELECT state FROM executions WHERE state IN {LEASED_STATES}
           LIMIT {COUNTED_AT_MOST}) e USING (state)
GROUP BY s.state
"""  # noqa: S608 - no input, only constants
