"""SQL of the current verdicts of many tenants: the rules of ``domain.freshness``, for sorting and filtering.

A test compares the results with those of ``summarize_tasks``, which applies the rules to one tenant.
"""

from session_api.domain.freshness import LONGEST_FRESH_SECONDS
from session_api.store.states import ANSWERED_STATES, OPEN_STATUSES
from session_api.store.task_types import FRESH_SECONDS


def current_verdicts(tenant: str) -> str:
    """SQL: each task type with its verdict in the tenant that the expression ``tenant`` gives.

    ``finished_at`` and ``expires_at`` are null if no run counts.
    """
    return f"""
SELECT t.name AS task_type, t.declaration ->> 'title' AS title, t.step, t.required, f.finished_at, f.expires_at,
       CASE WHEN f.expires_at > now() THEN f.status ELSE 'unknown' END AS status
FROM task_types t
CROSS JOIN (
    SELECT coalesce(chosen.connection_id, CASE WHEN enabled.count = 1 THEN enabled.first_id END) AS connection_id,
           chosen.connection_id IS NULL AND enabled.count > 1 AS not_chosen
    FROM (SELECT count(*) AS count, min(id) AS first_id FROM provider_connections
          WHERE tenant_id = {tenant} AND disabled_at IS NULL) enabled
    CROSS JOIN (SELECT (SELECT provider_connection_id FROM onboarding_sessions
                        WHERE tenant_id = {tenant} AND status IN {OPEN_STATUSES}) AS connection_id) chosen
) judged
LEFT JOIN LATERAL (
    SELECT r.status, least(r.finished_at, now()) AS finished_at,
           least(r.finished_at, now()) + make_interval(secs => least(
               coalesce(CAST(t.declaration ->> 'fresh_seconds' AS float8), {FRESH_SECONDS}), {LONGEST_FRESH_SECONDS}))
               AS expires_at
    FROM operation_runs r
    WHERE r.tenant_id = {tenant} AND r.task_type = t.name AND r.state IN {ANSWERED_STATES} AND NOT r.dry_run
      AND r.scope_key = CASE WHEN t.scope = 'connection' THEN coalesce('connection:' || judged.connection_id, 'tenant')
                             ELSE 'tenant' END
      AND NOT (t.scope = 'connection' AND judged.not_chosen)
    ORDER BY r.finished_at DESC, r.id DESC LIMIT 1
) f ON true
"""  # noqa: S608 - no input, only names of ours


def verdict_counts(tenant: str) -> str:
    """SQL: one row with the numbers of task types by verdict, the oldest result that counts, and the next expiry."""
    return f"""
SELECT count(*) FILTER (WHERE status = 'ok') AS ok, count(*) FILTER (WHERE status = 'warn') AS warn,
       count(*) FILTER (WHERE status = 'fail') AS fail, count(*) FILTER (WHERE status = 'unknown') AS unknown,
       coalesce(bool_or(required AND status = 'fail'), false) AS needs_attention,
       min(finished_at) AS oldest_evidence_at, min(expires_at) FILTER (WHERE expires_at > now()) AS next_expires_at
FROM ({current_verdicts(tenant)}) verdicts
"""  # noqa: S608 - no input, only names of ours
