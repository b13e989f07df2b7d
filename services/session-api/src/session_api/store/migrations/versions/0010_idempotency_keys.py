"""The answers of requests with an Idempotency-Key."""

from onboarding_shared.postgres.migrate import run_script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_script("""
CREATE TABLE idempotency_keys (
    tenant_id   bigint      NOT NULL,
    user_id     bigint      NOT NULL,
    operation   text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    status      integer     NOT NULL,
    headers     json        NOT NULL,
    body        bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, operation, key),
    CONSTRAINT idempotency_keys_request_is_hashed CHECK (octet_length(fingerprint) = 32)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
""")
