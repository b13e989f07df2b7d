"""Tenant guards, sessions and their history, provider connections, task types and runs."""

from onboarding_shared.messaging.schema import MESSAGING_TABLES_V1
from onboarding_shared.postgres.migrate import run_script

revision = "0001"
down_revision = None

_ACTIVE = "('queued', 'running', 'waiting', 'cancelling')"

_SCHEMA = f"""
CREATE TABLE tenant_guards (
    tenant_id bigint PRIMARY KEY CONSTRAINT tenant_guards_tenant_positive CHECK (tenant_id > 0)
) WITH (fillfactor = 80);

CREATE TABLE provider_connections (
    tenant_id bigint NOT NULL REFERENCES tenant_guards,
    id bigint GENERATED ALWAYS AS IDENTITY,
    creation_key uuid NOT NULL,
    provider text NOT NULL,
    display_name text NOT NULL,
    external_tenant_id text NOT NULL,
    client_id text NOT NULL,
    credential_ref text NOT NULL,
    cloud text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by_user_id bigint NOT NULL,
    disabled_at timestamptz,
    disabled_by_user_id bigint,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT provider_connections_created_once UNIQUE (creation_key),
    CONSTRAINT provider_connections_credential_is_a_reference CHECK (credential_ref ~ '^(env:[A-Za-z_]|file:/)')
);

CREATE TABLE onboarding_sessions (
    tenant_id bigint NOT NULL REFERENCES tenant_guards,
    id bigint GENERATED ALWAYS AS IDENTITY,
    status text NOT NULL CONSTRAINT onboarding_sessions_status_known
        CHECK (status IN ('draft', 'in_progress', 'completed', 'abandoned')),
    current_step integer NOT NULL CONSTRAINT onboarding_sessions_step_in_range CHECK (current_step BETWEEN 1 AND 5),
    provider_connection_id bigint,
    assigned_to_user_id bigint,
    locked_by_user_id bigint,
    locked_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT onboarding_sessions_connection_exists
        FOREIGN KEY (tenant_id, provider_connection_id) REFERENCES provider_connections,
    CONSTRAINT onboarding_sessions_lock_is_whole CHECK ((locked_by_user_id IS NULL) = (locked_until IS NULL))
);
CREATE UNIQUE INDEX onboarding_sessions_one_open ON onboarding_sessions (tenant_id)
    WHERE status IN ('draft', 'in_progress');

CREATE TABLE session_history (
    tenant_id bigint NOT NULL,
    session_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    by_user_id bigint NOT NULL,
    action text NOT NULL,
    before jsonb,
    after jsonb,
    PRIMARY KEY (tenant_id, session_id, id),
    CONSTRAINT session_history_session_exists FOREIGN KEY (tenant_id, session_id) REFERENCES onboarding_sessions
);

CREATE TABLE task_types (
    name text PRIMARY KEY,
    declaration jsonb NOT NULL,
    step integer NOT NULL,
    scope text NOT NULL,
    mode text NOT NULL,
    required boolean NOT NULL,
    time_limit_seconds double precision NOT NULL,
    announced_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE operation_runs (
    tenant_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    task_type text NOT NULL,
    scope_key text NOT NULL,
    mode text NOT NULL CONSTRAINT operation_runs_mode_known CHECK (mode IN ('shared', 'exclusive')),
    session_id bigint,
    provider_connection_id bigint,
    requested_by_user_id bigint NOT NULL,
    traceparent text,
    state text NOT NULL DEFAULT 'queued' CONSTRAINT operation_runs_state_known
        CHECK (state IN ('queued', 'running', 'waiting', 'cancelling',
                         'succeeded', 'failed', 'cancelled', 'timed_out')),
    attempt integer NOT NULL DEFAULT 0,
    progress_done bigint,
    progress_total bigint,
    progress_message text,
    status text CONSTRAINT operation_runs_status_known CHECK (status IN ('ok', 'warn', 'fail', 'unknown')),
    reason_code text,
    message text,
    resume_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    cancel_requested_at timestamptz,
    cancel_requested_by_user_id bigint,
    last_heard_at timestamptz,
    resend_due_at timestamptz NOT NULL,
    repeats integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE UNIQUE INDEX operation_runs_one_active ON operation_runs (tenant_id, scope_key, task_type)
    WHERE state IN {_ACTIVE};
CREATE UNIQUE INDEX operation_runs_one_exclusive ON operation_runs (tenant_id, scope_key)
    WHERE mode = 'exclusive' AND state IN {_ACTIVE};
CREATE INDEX operation_runs_by_type ON operation_runs (tenant_id, task_type, id DESC);
CREATE INDEX operation_runs_finished ON operation_runs (tenant_id, task_type, finished_at DESC, id DESC)
    WHERE state IN ('succeeded', 'failed', 'timed_out');
CREATE INDEX operation_runs_of_session ON operation_runs (tenant_id, session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX operation_runs_resend_due ON operation_runs (resend_due_at) WHERE state IN {_ACTIVE};
"""


def upgrade() -> None:
    run_script(MESSAGING_TABLES_V1)
    run_script(_SCHEMA)
