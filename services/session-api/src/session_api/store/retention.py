"""The SQL that removes runs and history that are old and that no list of verdicts, start or report needs."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.old_rows import Removal, RemoveBatch
from session_api.store.states import ANSWERED_STATES, ENDED_STATES, OPEN_STATUSES

_OLD = "now() - make_interval(days => :days)"
_SAME_TASK = "n.tenant_id = r.tenant_id AND n.task_type = r.task_type AND n.scope_key = r.scope_key"
_COUNTS = f"n.state IN {ANSWERED_STATES} AND NOT n.dry_run"
_ANSWERED_LATER = f"{_SAME_TASK} AND {_COUNTS} AND (n.finished_at, n.id) > (r.finished_at, r.id)"
# As in the report of a session: finished_at is of the runner's clock, last_heard_at of ours.
_REPORTED_BY = "least({0}.finished_at, {0}.last_heard_at) <= s.updated_at"

_NEWEST_OF_ITS_TASK = f"""NOT EXISTS (
    SELECT FROM operation_runs n WHERE {_SAME_TASK} AND n.id > r.id AND (r.dry_run OR NOT n.dry_run))"""
_VERDICT = f"""(r.state IN {ANSWERED_STATES} AND NOT r.dry_run AND NOT EXISTS (
    SELECT FROM operation_runs n WHERE {_ANSWERED_LATER} AND (n.status <> 'unknown' OR r.status = 'unknown')))"""
_OF_AN_OPEN_SESSION = f"""EXISTS (
    SELECT FROM onboarding_sessions s
    WHERE s.tenant_id = r.tenant_id AND s.id = r.session_id AND s.status IN {OPEN_STATUSES})"""
_OFFER_OUTSIDE_OF_SESSIONS = """(r.offered_inputs IS NOT NULL AND r.session_id IS NULL AND NOT EXISTS (
    SELECT FROM operation_runs n
    WHERE n.tenant_id = r.tenant_id AND n.task_type = r.task_type AND n.session_id IS NULL AND NOT n.dry_run
      AND n.provider_connection_id IS NOT DISTINCT FROM r.provider_connection_id
      AND n.offered_inputs IS NOT NULL AND n.id > r.id))"""
_COUNTED_IN_A_REPORT = f"""(r.state IN {ANSWERED_STATES} AND NOT r.dry_run AND EXISTS (
    SELECT FROM onboarding_sessions s
    WHERE s.tenant_id = r.tenant_id AND {_REPORTED_BY.format("r")} AND NOT EXISTS (
        SELECT FROM operation_runs n WHERE {_ANSWERED_LATER} AND {_REPORTED_BY.format("n")})))"""  # noqa: S608 - no input, only constants
_LATEST_IN_A_REPORT = f"""(NOT r.dry_run AND EXISTS (
    SELECT FROM onboarding_sessions s
    WHERE s.tenant_id = r.tenant_id AND r.created_at <= s.updated_at AND NOT EXISTS (
        SELECT FROM operation_runs n
        WHERE {_SAME_TASK} AND NOT n.dry_run AND n.id > r.id AND n.created_at <= s.updated_at)))"""  # noqa: S608 - no input, only constants
_NEEDED = " OR ".join(
    (
        _NEWEST_OF_ITS_TASK,
        _VERDICT,
        _OF_AN_OPEN_SESSION,
        _OFFER_OUTSIDE_OF_SESSIONS,
        _COUNTED_IN_A_REPORT,
        _LATEST_IN_A_REPORT,
    )
)
# Ids are given out in the order of time: a batch that has no old row is the last one that is worth a look.
_REMOVE_RUNS = text(f"""
WITH looked AS MATERIALIZED (
    SELECT tenant_id, id, created_at FROM operation_runs WHERE id > :after ORDER BY id LIMIT :batch
), picked AS MATERIALIZED (
    SELECT r.tenant_id, r.id FROM operation_runs r JOIN looked USING (tenant_id, id)
    WHERE r.state IN {ENDED_STATES} AND r.last_heard_at < {_OLD} AND NOT ({_NEEDED})
    ORDER BY r.tenant_id, r.id FOR UPDATE OF r SKIP LOCKED
), removed AS (
    DELETE FROM operation_runs r USING picked p WHERE r.tenant_id = p.tenant_id AND r.id = p.id RETURNING 1
)
SELECT (SELECT count(*) FROM removed) AS removed,
       (SELECT max(id) FROM looked HAVING count(*) = :batch AND min(created_at) < {_OLD}) AS next_after
""")  # noqa: S608 - no input, only constants
# Sessions that are closed are not changed any more, so the time of the latest change is that of their end.
_REMOVE_HISTORY = text(f"""
WITH picked AS MATERIALIZED (
    SELECT s.tenant_id, s.id FROM onboarding_sessions s
    WHERE s.status NOT IN {OPEN_STATUSES} AND s.updated_at < {_OLD}
      AND EXISTS (SELECT FROM session_history h WHERE h.tenant_id = s.tenant_id AND h.session_id = s.id)
    ORDER BY s.tenant_id, s.id LIMIT :batch FOR UPDATE OF s SKIP LOCKED
)
DELETE FROM session_history h USING picked p WHERE h.tenant_id = p.tenant_id AND h.session_id = p.id
""")  # noqa: S608 - no input, only constants


def remove_old_runs(days: int) -> RemoveBatch:
    """The removal of runs that ended more than ``days`` ago and are not needed.

    Needed are: the newest run of each task and scope, the results that verdicts and starts are based on, all runs of an
    open session, and the runs that the report of a closed session names.
    """

    async def remove(tx: AsyncConnection, after: int, batch: int) -> Removal:
        row = (await tx.execute(_REMOVE_RUNS, {"after": after, "batch": batch, "days": days})).one()
        return Removal(row.removed, row.next_after)

    return remove


def remove_old_history(days: int) -> RemoveBatch:
    """The removal of the history of sessions that were closed more than ``days`` ago."""

    async def remove(tx: AsyncConnection, after: int, batch: int) -> Removal:
        removed = (await tx.execute(_REMOVE_HISTORY, {"batch": batch, "days": days})).rowcount
        return Removal(removed, after if removed else None)

    return remove
