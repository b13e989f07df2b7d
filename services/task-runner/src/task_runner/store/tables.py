"""The runner's tables as SQLAlchemy metadata; the migrations make them, a test holds the two against each other."""

from collections.abc import Iterable

from sqlalchemy import (
    JSON,
    BigInteger,
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

from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.schema import add_messaging_tables

metadata = MetaData()
add_messaging_tables(metadata)

CLAIMABLE = "state IN ('queued', 'waiting')"
"""A worker may take it, once ``resume_at`` has come."""
UNDER_WAY = "state IN ('running', 'cancelling')"
"""A worker holds its lease."""


def _states(states: Iterable[RunState]) -> str:
    chosen = frozenset(states)
    return ", ".join(f"'{state}'" for state in RunState if state in chosen)


ENDED = f"state IN ({_states(TERMINAL)})"

lease_tokens = Sequence("lease_tokens", metadata=metadata, data_type=BigInteger)
"""Fencing tokens: each claim takes the next one, and whoever holds an older one writes nothing."""

executions = Table(
    "executions",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", BigInteger, nullable=False),
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
    CheckConstraint(f"state IN ({_states(RunState)})", name="executions_state"),
    CheckConstraint("mode IN ('shared', 'exclusive')", name="executions_mode"),
    CheckConstraint(f"({UNDER_WAY}) = (lease_expires_at IS NOT NULL)", name="executions_lease"),
    CheckConstraint(f"({ENDED}) = (finished_at IS NOT NULL)", name="executions_finished"),
    CheckConstraint("(finished_at IS NULL) = (status IS NULL)", name="executions_result"),
    CheckConstraint("task_type IS NOT NULL OR state = 'cancelled'", name="executions_task_type"),
)

Index(
    "executions_claimable",
    executions.c.tenant_id,
    executions.c.resume_at,
    executions.c.run_id,
    postgresql_where=text(CLAIMABLE),
)
Index(
    "executions_one_under_way",
    executions.c.tenant_id,
    executions.c.scope_key,
    executions.c.task_type,
    unique=True,
    postgresql_where=text(UNDER_WAY),
)
Index("executions_unconfirmed", executions.c.confirm_at, postgresql_where=text("confirm_at IS NOT NULL"))
