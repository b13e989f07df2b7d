"""How many runs are under way, as far as this service knows, for the metrics page."""

from onboarding_shared.messaging.backlog_rows import COUNTED_AT_MOST
from onboarding_shared.runtime.metrics import Gauge

RUNS_ACTIVE = Gauge("onboarding_runs_active", "Runs that have not ended; 10000 = that or more", "state")

# It reads a partial index of active runs; ended ones cost nothing however many there are.
ACTIVE_RUNS = f"""
SELECT '{RUNS_ACTIVE.name}', s.state, CAST(count(r.state) AS float8)
FROM (VALUES ('queued'), ('running'), ('waiting'), ('cancelling')) s (state)
LEFT JOIN (SELECT state FROM operation_runs WHERE state IN ('queued', 'running', 'waiting', 'cancelling')
           LIMIT {COUNTED_AT_MOST}) r USING (state)
GROUP BY s.state
"""  # noqa: S608 - no input, only constants of ours
