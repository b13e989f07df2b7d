"""Consent requests."""

from onboarding_shared.postgres.migrate import run_script

revision = "0003"
down_revision = "0002"

_SCHEMA = """
CREATE TABLE consent_requests (
    tenant_id bigint NOT NULL REFERENCES tenant_guards,
    id bigint GENERATED ALWAYS AS IDENTITY,
    state_hash bytea NOT NULL,
    session_id bigint,
    provider_connection_id bigint NOT NULL,
    external_tenant_id text NOT NULL,
    state text NOT NULL DEFAULT 'open' CONSTRAINT consent_requests_state_known
        CHECK (state IN ('open', 'reported', 'verified', 'declined', 'wrong_tenant')),
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by_user_id bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    answered_at timestamptz,
    reported_at timestamptz,
    verified_at timestamptz,
    run_id bigint,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT consent_requests_one_per_link UNIQUE (state_hash),
    CONSTRAINT consent_requests_secret_is_hashed CHECK (octet_length(state_hash) = 32),
    CONSTRAINT consent_requests_expire_later CHECK (expires_at > created_at),
    CONSTRAINT consent_requests_reported_has_time CHECK (state <> 'reported' OR reported_at IS NOT NULL),
    CONSTRAINT consent_requests_verified_has_time CHECK ((state = 'verified') = (verified_at IS NOT NULL)),
    CONSTRAINT consent_requests_session_exists
        FOREIGN KEY (tenant_id, session_id) REFERENCES onboarding_sessions,
    CONSTRAINT consent_requests_connection_exists
        FOREIGN KEY (tenant_id, provider_connection_id) REFERENCES provider_connections
);
CREATE INDEX consent_requests_unverified ON consent_requests (tenant_id, provider_connection_id, id DESC)
    WHERE state IN ('open', 'reported');
"""


def upgrade() -> None:
    run_script(_SCHEMA)
