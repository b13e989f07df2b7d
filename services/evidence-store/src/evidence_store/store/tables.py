"""The tables as SQLAlchemy metadata. The migrations create them; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
)

from onboarding_shared.contracts.types import CheckStatus
from onboarding_shared.messaging.schema import add_messaging_tables
from onboarding_shared.postgres.literals import sql_list
from onboarding_shared.postgres.write_probe import add_write_probes

metadata = MetaData()
add_messaging_tables(metadata)
add_write_probes(metadata)

RECORD_COMMENT = (
    "The sealed bytes: UTF-8 JSON, readable as convert_from(record, 'UTF8'). The other columns only index it."
)
SEAL_COMMENT = "sha256(previous_seal || record); the first record of a chain follows 32 zero bytes."

evidence_ids = Sequence("evidence_ids", metadata=metadata, data_type=BigInteger)

evidence = Table(
    "evidence",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("task_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("session_id", BigInteger),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("record", LargeBinary, nullable=False, comment=RECORD_COMMENT),
    Column("previous_seal", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False, comment=SEAL_COMMENT),
    UniqueConstraint("run_id", "tenant_id", name="evidence_once_per_run"),
    UniqueConstraint("tenant_id", "position", name="evidence_chain"),
    CheckConstraint("tenant_id >= 1 AND position >= 1", name="evidence_place"),
    CheckConstraint(f"status IN {sql_list(CheckStatus)}", name="evidence_status"),
    CheckConstraint("octet_length(previous_seal) = 32 AND octet_length(seal) = 32", name="evidence_seals"),
    Index("evidence_by_task_type", "tenant_id", "task_type", "position"),
    Index("evidence_by_status", "tenant_id", "status", "position"),
    Index("evidence_by_reason_code", "tenant_id", "reason_code", "position"),
    Index("evidence_by_time", "tenant_id", "recorded_at"),
)
Index(
    "evidence_by_session",
    evidence.c.tenant_id,
    evidence.c.session_id,
    evidence.c.position,
    postgresql_where=evidence.c.session_id.is_not(None),
)

evidence_heads = Table(
    "evidence_heads",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("length", BigInteger, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    CheckConstraint("length >= 0 AND octet_length(seal) = 32", name="evidence_heads_shape"),
)
