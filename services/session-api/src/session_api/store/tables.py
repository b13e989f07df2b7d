"""The tables as SQLAlchemy metadata. The migrations create them; a test compares the two."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
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

from onboarding_shared.contracts.types import FIRST_STEP, LAST_STEP
from onboarding_shared.messaging.schema import add_messaging_tables
from onboarding_shared.postgres.write_probe import add_write_probes
from session_api.store.states import ACTIVE_STATES, ANSWERED_STATES, OPEN_STATUSES

METADATA = MetaData()
add_messaging_tables(METADATA)
add_write_probes(METADATA)


_ACTIVE = text(f"state IN {ACTIVE_STATES}")
_OPEN = text(f"status IN {OPEN_STATUSES}")


def _moment(name: str, *, nullable: bool = True, now: bool = False) -> Column[object]:
    default = text("now()") if now else None
    return Column(name, DateTime(timezone=True), nullable=nullable and not now, server_default=default)


def _tenant(*, references_guard: bool = False) -> Column[int]:
    keys = [ForeignKey("tenant_guards.tenant_id")] if references_guard else []
    return Column("tenant_id", BigInteger, *keys, primary_key=True, autoincrement=False)


def _identity() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


TENANT_GUARDS = Table(
    "tenant_guards",
    METADATA,
    _tenant(),
    CheckConstraint("tenant_id > 0", name="tenant_guards_tenant_positive"),
)

USERS = Table(
    "users",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("display_name", Text),
    _moment("seen_at", now=True),
    CheckConstraint("id > 0", name="users_id_positive"),
)
Index(
    "users_by_name",
    text("lower(display_name)"),
    USERS.c.id,
    postgresql_where=text("display_name IS NOT NULL"),
)

TENANT_NAMES = Table(
    "tenant_names",
    METADATA,
    _tenant(),
    Column("display_name", Text, nullable=False),
    _moment("set_at", now=True),
    Column("set_by_user_id", BigInteger, nullable=False),
    CheckConstraint("tenant_id > 0", name="tenant_names_tenant_positive"),
)

PROVIDER_CONNECTIONS = Table(
    "provider_connections",
    METADATA,
    _tenant(references_guard=True),
    _identity(),
    Column("creation_key", Uuid, nullable=False),
    Column("provider", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("external_tenant_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("credential_ref", Text, nullable=False),
    Column("cloud", Text, nullable=False),
    _moment("created_at", now=True),
    Column("created_by_user_id", BigInteger, nullable=False),
    _moment("disabled_at"),
    Column("disabled_by_user_id", BigInteger),
    UniqueConstraint("creation_key", name="provider_connections_created_once"),
    CheckConstraint(
        "credential_ref ~ '^(env:[A-Za-z_]|file:/|[a-z][a-z0-9-]{0,62}$)'",
        name="provider_connections_credential_is_a_reference",
    ),
)

TENANT_BINDINGS = Table(
    "tenant_bindings",
    METADATA,
    Column("external_tenant_id", Text, primary_key=True),
    Column("cloud", Text, primary_key=True),
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("tenant_id", BigInteger, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("credential", Text, nullable=False),
    _moment("set_at", now=True),
    Column("set_by_user_id", BigInteger, nullable=False),
    UniqueConstraint("id", name="tenant_bindings_id"),
    CheckConstraint("tenant_id > 0", name="tenant_bindings_tenant_positive"),
)

Index(
    "provider_connections_enabled",
    PROVIDER_CONNECTIONS.c.tenant_id,
    PROVIDER_CONNECTIONS.c.id,
    postgresql_where=text("disabled_at IS NULL"),
)

ONBOARDING_SESSIONS = Table(
    "onboarding_sessions",
    METADATA,
    _tenant(references_guard=True),
    _identity(),
    Column("status", Text, nullable=False),
    Column("current_step", Integer, nullable=False),
    Column("provider_connection_id", BigInteger),
    Column("assigned_to_user_id", BigInteger),
    Column("locked_by_user_id", BigInteger),
    _moment("locked_until"),
    _moment("created_at", now=True),
    _moment("updated_at", now=True),
    CheckConstraint(f"current_step BETWEEN {FIRST_STEP} AND {LAST_STEP}", name="onboarding_sessions_step_in_range"),
    CheckConstraint("(locked_by_user_id IS NULL) = (locked_until IS NULL)", name="onboarding_sessions_lock_is_whole"),
    ForeignKeyConstraint(
        ("tenant_id", "provider_connection_id"),
        ("provider_connections.tenant_id", "provider_connections.id"),
        name="onboarding_sessions_connection_exists",
    ),
    Index("onboarding_sessions_one_open", "tenant_id", unique=True, postgresql_where=_OPEN),
)

SESSION_HISTORY = Table(
    "session_history",
    METADATA,
    _tenant(),
    Column("session_id", BigInteger, primary_key=True, autoincrement=False),
    _identity(),
    _moment("at", now=True),
    Column("by_user_id", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    ForeignKeyConstraint(
        ("tenant_id", "session_id"),
        ("onboarding_sessions.tenant_id", "onboarding_sessions.id"),
        name="session_history_session_exists",
    ),
)

TASK_TYPES = Table(
    "task_types",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("declaration", JSONB, nullable=False),
    Column("step", Integer, nullable=False),
    Column("scope", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("required", Boolean, nullable=False),
    Column("time_limit_seconds", Double, nullable=False),
    _moment("announced_at", now=True),
)

OPERATION_RUNS = Table(
    "operation_runs",
    METADATA,
    _tenant(),
    _identity(),
    Column("task_type", Text, nullable=False),
    Column("scope_key", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("session_id", BigInteger),
    Column("provider_connection_id", BigInteger),
    Column("requested_by_user_id", BigInteger, nullable=False),
    Column("traceparent", Text),
    Column("state", Text, nullable=False, server_default=text("'queued'")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("progress_done", BigInteger),
    Column("progress_total", BigInteger),
    Column("progress_message", Text),
    Column("status", Text),
    Column("reason_code", Text),
    Column("message", Text),
    _moment("resume_at"),
    _moment("created_at", now=True),
    _moment("started_at"),
    _moment("finished_at"),
    _moment("cancel_requested_at"),
    Column("cancel_requested_by_user_id", BigInteger),
    _moment("last_heard_at"),
    _moment("resend_due_at", nullable=False),
    Column("repeats", Integer, nullable=False, server_default=text("0")),
    Column("retry_of_run_id", BigInteger),
    Column("inputs", JSON),
    Column("dry_run", Boolean, nullable=False, server_default=text("false")),
    Column("offered_inputs", JSON),
)
Index(
    "operation_runs_one_active",
    OPERATION_RUNS.c.tenant_id,
    OPERATION_RUNS.c.scope_key,
    OPERATION_RUNS.c.task_type,
    unique=True,
    postgresql_where=_ACTIVE,
)
Index(
    "operation_runs_one_exclusive",
    OPERATION_RUNS.c.tenant_id,
    OPERATION_RUNS.c.scope_key,
    unique=True,
    postgresql_where=text(f"mode = 'exclusive' AND {_ACTIVE.text}"),
)
Index("operation_runs_newest", OPERATION_RUNS.c.id)
Index("operation_runs_by_type", OPERATION_RUNS.c.tenant_id, OPERATION_RUNS.c.task_type, OPERATION_RUNS.c.id.desc())
Index(
    "operation_runs_finished",
    OPERATION_RUNS.c.tenant_id,
    OPERATION_RUNS.c.task_type,
    OPERATION_RUNS.c.scope_key,
    OPERATION_RUNS.c.finished_at.desc(),
    OPERATION_RUNS.c.id.desc(),
    postgresql_where=text(f"state IN {ANSWERED_STATES} AND NOT dry_run"),
)
Index(
    "operation_runs_of_session",
    OPERATION_RUNS.c.tenant_id,
    OPERATION_RUNS.c.session_id,
    OPERATION_RUNS.c.id,
    postgresql_where=text("session_id IS NOT NULL"),
)
Index("operation_runs_resend_due", OPERATION_RUNS.c.resend_due_at, postgresql_where=_ACTIVE)

IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    _tenant(),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("operation", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _moment("created_at", now=True),
    CheckConstraint("octet_length(fingerprint) = 32", name="idempotency_keys_request_is_hashed"),
)
Index("idempotency_keys_by_age", IDEMPOTENCY_KEYS.c.created_at)

CONSENT_REQUESTS = Table(
    "consent_requests",
    METADATA,
    _tenant(references_guard=True),
    _identity(),
    Column("state_hash", LargeBinary, nullable=False),
    Column("session_id", BigInteger),
    Column("provider_connection_id", BigInteger, nullable=False),
    Column("external_tenant_id", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    _moment("created_at", now=True),
    Column("created_by_user_id", BigInteger, nullable=False),
    _moment("expires_at", nullable=False),
    _moment("answered_at"),
    _moment("reported_at"),
    _moment("verified_at"),
    Column("run_id", BigInteger),
    UniqueConstraint("state_hash", name="consent_requests_one_per_link"),
    CheckConstraint("octet_length(state_hash) = 32", name="consent_requests_secret_is_hashed"),
    CheckConstraint("expires_at > created_at", name="consent_requests_expire_later"),
    CheckConstraint("state <> 'reported' OR reported_at IS NOT NULL", name="consent_requests_reported_has_time"),
    CheckConstraint("(state = 'verified') = (verified_at IS NOT NULL)", name="consent_requests_verified_has_time"),
    ForeignKeyConstraint(
        ("tenant_id", "session_id"),
        ("onboarding_sessions.tenant_id", "onboarding_sessions.id"),
        name="consent_requests_session_exists",
    ),
    ForeignKeyConstraint(
        ("tenant_id", "provider_connection_id"),
        ("provider_connections.tenant_id", "provider_connections.id"),
        name="consent_requests_connection_exists",
    ),
)
Index(
    "consent_requests_unverified",
    CONSENT_REQUESTS.c.tenant_id,
    CONSENT_REQUESTS.c.provider_connection_id,
    CONSENT_REQUESTS.c.id.desc(),
    postgresql_where=text("state IN ('open', 'reported')"),
)
