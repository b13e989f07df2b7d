"""The messaging tables, present in the database of every service."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

MESSAGING_TABLES_V1 = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    tenant_id bigint NOT NULL,
    sequence bigint NOT NULL,
    message_id uuid NOT NULL,
    event_type text NOT NULL,
    subject text NOT NULL,
    traceparent text,
    data bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000);
CREATE TABLE outbox_sequences (
    tenant_id bigint NOT NULL,
    topic text NOT NULL,
    last_sequence bigint NOT NULL,
    PRIMARY KEY (tenant_id, topic)
) WITH (fillfactor = 70);
CREATE TABLE relay_lease (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT relay_lease_is_one_row CHECK (singleton),
    holder text NOT NULL,
    token bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
INSERT INTO relay_lease (holder, token, expires_at) VALUES ('nobody', 0, '-infinity');
CREATE TABLE inbox_sequences (
    tenant_id bigint NOT NULL,
    topic text NOT NULL,
    last_sequence bigint NOT NULL,
    PRIMARY KEY (tenant_id, topic)
) WITH (fillfactor = 70);
CREATE TABLE dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    fingerprint bytea NOT NULL,
    reason_code text NOT NULL,
    detail text NOT NULL,
    key bytea,
    value bytea,
    headers jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT dead_letters_once UNIQUE (source_topic, partition, record_offset, fingerprint)
);
"""

MESSAGING_TABLES_V2 = """
ALTER TABLE outbox ADD COLUMN mac_key text;
"""

MESSAGING_TABLES_V3 = """
ALTER TABLE dead_letters
    ADD COLUMN state text NOT NULL DEFAULT 'kept'
        CONSTRAINT dead_letters_state CHECK (state IN ('kept', 'replayed', 'discarded')),
    ADD COLUMN replays integer NOT NULL DEFAULT 0,
    ADD COLUMN acted_at timestamptz,
    ADD COLUMN acted_by_user_id bigint;
"""


def add_messaging_tables(metadata: MetaData) -> None:
    """Add the tables to SQLAlchemy metadata, for comparison with the migrations in tests."""
    Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("tenant_id", BigInteger, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("message_id", Uuid, nullable=False),
        Column("event_type", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("traceparent", Text),
        Column("data", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("mac_key", Text),
    )
    for name in ("outbox_sequences", "inbox_sequences"):
        Table(
            name,
            metadata,
            Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
            Column("topic", Text, primary_key=True),
            Column("last_sequence", BigInteger, nullable=False),
        )
    Table(
        "relay_lease",
        metadata,
        Column("singleton", Boolean, primary_key=True, server_default=text("true")),
        Column("holder", Text, nullable=False),
        Column("token", BigInteger, nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        CheckConstraint("singleton", name="relay_lease_is_one_row"),
    )
    Table(
        "dead_letters",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("source_topic", Text, nullable=False),
        Column("partition", Integer, nullable=False),
        Column("record_offset", BigInteger, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("reason_code", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("key", LargeBinary),
        Column("value", LargeBinary),
        Column("headers", JSONB, nullable=False),
        Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("state", Text, nullable=False, server_default=text("'kept'")),
        Column("replays", Integer, nullable=False, server_default=text("0")),
        Column("acted_at", DateTime(timezone=True)),
        Column("acted_by_user_id", BigInteger),
        CheckConstraint("state IN ('kept', 'replayed', 'discarded')", name="dead_letters_state"),
        UniqueConstraint("source_topic", "partition", "record_offset", "fingerprint", name="dead_letters_once"),
    )
