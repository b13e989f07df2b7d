"""The evidence, sealed in one hash chain per tenant, and the messaging tables.

Triggers enforce the chain: rows cannot be updated or deleted, an inserted row must be sealed onto its predecessor, and
the head of a chain can only advance together with its rows. They are statement-level triggers.
"""

from onboarding_shared.messaging.schema import MESSAGING_TABLES_V1
from onboarding_shared.postgres.migrate import run_script

revision = "0001"
down_revision = None

TABLES = """
CREATE SEQUENCE evidence_ids AS bigint;
CREATE TABLE evidence (
    id bigint PRIMARY KEY,
    tenant_id bigint NOT NULL,
    position bigint NOT NULL,
    run_id bigint NOT NULL,
    task_type text NOT NULL,
    status text NOT NULL,
    reason_code text NOT NULL,
    session_id bigint,
    recorded_at timestamptz NOT NULL,
    record bytea NOT NULL,
    previous_seal bytea NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT evidence_once_per_run UNIQUE (run_id),
    CONSTRAINT evidence_chain UNIQUE (tenant_id, position),
    CONSTRAINT evidence_place CHECK (tenant_id >= 1 AND position >= 1),
    CONSTRAINT evidence_status CHECK (status IN ('ok', 'warn', 'fail', 'unknown')),
    CONSTRAINT evidence_seals CHECK (octet_length(previous_seal) = 32 AND octet_length(seal) = 32)
);
CREATE INDEX evidence_by_task_type ON evidence (tenant_id, task_type, position);
CREATE INDEX evidence_by_status ON evidence (tenant_id, status, position);
CREATE INDEX evidence_by_reason_code ON evidence (tenant_id, reason_code, position);
CREATE INDEX evidence_by_time ON evidence (tenant_id, recorded_at);
CREATE INDEX evidence_by_session ON evidence (tenant_id, session_id, position) WHERE session_id IS NOT NULL;
COMMENT ON COLUMN evidence.record IS
    'The sealed bytes: UTF-8 JSON, readable as convert_from(record, ''UTF8''). The other columns only index it.';
COMMENT ON COLUMN evidence.seal IS
    'sha256(previous_seal || record); the first record of a chain follows 32 zero bytes.';
CREATE TABLE evidence_heads (
    tenant_id bigint PRIMARY KEY,
    length bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT evidence_heads_shape CHECK (length >= 0 AND octet_length(seal) = 32)
) WITH (fillfactor = 70);
"""

TRIGGERS = r"""
CREATE FUNCTION evidence_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: evidence is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER evidence_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_refuse_change();
CREATE TRIGGER evidence_heads_stay BEFORE DELETE OR TRUNCATE ON evidence_heads
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_refuse_change();
CREATE TRIGGER evidence_heads_begin_empty BEFORE INSERT ON evidence_heads
    FOR EACH ROW WHEN (NEW.length <> 0 OR NEW.seal <> decode(repeat('00', 32), 'hex'))
    EXECUTE FUNCTION evidence_refuse_change();

CREATE FUNCTION evidence_check_append() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM appended a
        LEFT JOIN LATERAL (SELECT e.seal FROM evidence e WHERE e.tenant_id = a.tenant_id AND e.position = a.position - 1
                           LIMIT 1) before ON true
        LEFT JOIN LATERAL (SELECT h.length FROM evidence_heads h WHERE h.tenant_id = a.tenant_id LIMIT 1) head ON true
        WHERE a.seal <> sha256(a.previous_seal || a.record)
           OR a.previous_seal IS DISTINCT FROM
              CASE a.position WHEN 1 THEN decode(repeat('00', 32), 'hex') ELSE before.seal END
           OR a.position > coalesce(head.length, 0)
    ) THEN
        RAISE EXCEPTION 'an evidence row is not sealed onto the end of its chain' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER evidence_is_sealed AFTER INSERT ON evidence REFERENCING NEW TABLE AS appended
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_check_append();

CREATE FUNCTION evidence_check_heads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_heads n
        LEFT JOIN old_heads o ON o.tenant_id = n.tenant_id
        LEFT JOIN LATERAL (SELECT e.seal FROM evidence e WHERE e.tenant_id = n.tenant_id AND e.position = n.length
                           LIMIT 1) last ON true
        WHERE n.length <= coalesce(o.length, n.length) OR last.seal IS DISTINCT FROM n.seal
    ) THEN
        RAISE EXCEPTION 'the head of an evidence chain moves only forward, together with its rows'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER evidence_heads_follow AFTER UPDATE ON evidence_heads
    REFERENCING OLD TABLE AS old_heads NEW TABLE AS new_heads
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_check_heads();
"""


def upgrade() -> None:
    run_script(MESSAGING_TABLES_V1)
    run_script(TABLES)
    run_script(TRIGGERS)
