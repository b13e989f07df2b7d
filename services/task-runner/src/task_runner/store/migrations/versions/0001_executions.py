"""Executions, and the messaging tables.

Dead rows slow a queue table down. Therefore the indexes for claims are partial, and autovacuum is triggered by a fixed
number of changed rows instead of a fraction of the table.
"""

from onboarding_shared.messaging.schema import MESSAGING_TABLES_V1
from onboarding_shared.postgres.migrate import run_script

revision = "0001"
down_revision = None

EXECUTIONS = """
CREATE SEQUENCE lease_tokens AS bigint;
CREATE TABLE executions (
    run_id bigint PRIMARY KEY,
    tenant_id bigint NOT NULL,
    task_type text,
    session_id bigint,
    provider_connection_id bigint,
    connection json,
    scope_key bigint NOT NULL,
    mode text NOT NULL,
    time_limit double precision NOT NULL,
    max_attempts integer NOT NULL,
    traceparent text,
    state text NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    excused integer NOT NULL DEFAULT 0,
    losses integer NOT NULL DEFAULT 0,
    resume_at timestamptz NOT NULL DEFAULT now(),
    lease_token bigint,
    lease_expires_at timestamptz,
    worker text,
    progress json,
    status text,
    reason_code text,
    message text,
    payload json,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    confirm_at timestamptz,
    confirmed_at timestamptz,
    resends integer NOT NULL DEFAULT 0,
    CONSTRAINT executions_state CHECK (state IN ('queued', 'running', 'waiting', 'cancelling',
                                                 'succeeded', 'failed', 'cancelled', 'timed_out')),
    CONSTRAINT executions_mode CHECK (mode IN ('shared', 'exclusive')),
    CONSTRAINT executions_lease CHECK ((state IN ('running', 'cancelling')) = (lease_expires_at IS NOT NULL)),
    CONSTRAINT executions_finished CHECK (
        (state IN ('succeeded', 'failed', 'cancelled', 'timed_out')) = (finished_at IS NOT NULL)),
    CONSTRAINT executions_result CHECK ((finished_at IS NULL) = (status IS NULL)),
    CONSTRAINT executions_task_type CHECK (task_type IS NOT NULL OR state = 'cancelled')
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX executions_claimable ON executions (tenant_id, resume_at, run_id) WHERE state IN ('queued', 'waiting');
CREATE UNIQUE INDEX executions_one_under_way ON executions (tenant_id, scope_key, task_type)
    WHERE state IN ('running', 'cancelling');
CREATE INDEX executions_unconfirmed ON executions (confirm_at) WHERE confirm_at IS NOT NULL;
"""


def upgrade() -> None:
    run_script(MESSAGING_TABLES_V1 + EXECUTIONS)
