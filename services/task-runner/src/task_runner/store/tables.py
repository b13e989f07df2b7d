"""The tables as SQLAlchemy metadata. The migrations create them; a test compares the two."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    Sequence,
    Table,
    Text,
    text,
)

from onboarding_shared.contracts.types import Mode
from onboarding_shared.messaging.schema import add_messaging_tables
from onboarding_shared.postgres.literals import sql_list
from onboarding_shared.postgres.write_probe import add_write_probes
from task_runner.domain.leases import ISOLATED_AFTER
from task_runner.store.states import ALL_STATES, CLAIMABLE_STATES, ENDED_STATES, LEASED_STATES

metadata = MetaData()
add_messaging_tables(metadata)
add_write_probes(metadata)

_CLAIMABLE = f"state IN {CLAIMABLE_STATES}"
_LEASED = f"state IN {LEASED_STATES}"

lease_tokens = Sequence("lease_tokens", metadata=metadata, data_type=BigInteger)
"""Fencing tokens: each claim gets the next value; writes with an earlier token are rejected."""

executions = Table(
    "executions",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("task_type", Text),
    Column("session_id", BigInteger),
    Column("provider_connection_id", BigInteger),
    Column("connection", JSON),
    Column("scope_key", BigInteger, nullable=False),
    Column("mode", Text, nullable=False),
    Column("time_limit", Double, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("traceparent", Text),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("excused", Integer, nullable=False, server_default="0"),
    Column("losses", Integer, nullable=False, server_default="0"),
    Column("resume_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("woken_at", DateTime(timezone=True)),
    Column("previously_ok", Boolean, nullable=False, server_default="false"),
    Column("inputs", JSON),
    Column("dry_run", Boolean, nullable=False, server_default="false"),
    Column("lease_token", BigInteger),
    Column("lease_expires_at", DateTime(timezone=True)),
    Column("worker", Text),
    Column("progress", JSON),
    Column("status", Text),
    Column("reason_code", Text),
    Column("message", Text),
    Column("payload", JSON),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("confirm_at", DateTime(timezone=True)),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("resends", Integer, nullable=False, server_default="0"),
    Column("run_key", Text),
    CheckConstraint(f"state IN {ALL_STATES}", name="executions_state"),
    CheckConstraint(f"mode IN {sql_list(Mode)}", name="executions_mode"),
    CheckConstraint(f"({_LEASED}) = (lease_expires_at IS NOT NULL)", name="executions_lease"),
    CheckConstraint(f"(state IN {ENDED_STATES}) = (finished_at IS NOT NULL)", name="executions_finished"),
    CheckConstraint("(finished_at IS NULL) = (status IS NULL)", name="executions_result"),
    CheckConstraint("task_type IS NOT NULL OR state = 'cancelled'", name="executions_task_type"),
)

Index(
    "executions_claimable",
    executions.c.tenant_id,
    executions.c.resume_at,
    executions.c.run_id,
    postgresql_where=text(_CLAIMABLE),
)
Index(
    "executions_one_under_way",
    executions.c.tenant_id,
    executions.c.scope_key,
    executions.c.task_type,
    unique=True,
    postgresql_where=text(_LEASED),
)
Index(
    "executions_isolated",
    executions.c.tenant_id,
    executions.c.resume_at,
    executions.c.run_id,
    postgresql_where=text(f"{_CLAIMABLE} AND losses >= {ISOLATED_AFTER}"),
)
Index("executions_unconfirmed", executions.c.confirm_at, postgresql_where=text("confirm_at IS NOT NULL"))
