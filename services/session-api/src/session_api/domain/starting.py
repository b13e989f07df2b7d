"""Starting tasks, a batch at once: each start is decided against what the starts before it leave behind."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from onboarding_shared.contracts.types import Mode, RunState, Scope, SessionStatus
from session_api.domain.connections import NotUsable, choose_connection
from session_api.domain.guard import ActiveRun, Blocked, Created, Decision, decide, scope_key

LONGEST_RETRY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Start:
    """A caller wants this task to run; ``connection_id`` where it names the provider connection.

    ``retry_of_run_id`` is the ended run that this one repeats.
    """

    tenant_id: int
    task_type: str
    connection_id: int | None
    user_id: int
    traceparent: str | None
    retry_of_run_id: int | None = None


@dataclass(frozen=True, slots=True)
class TaskRule:
    """What a start must know of a task type."""

    name: str
    scope: Scope
    mode: Mode
    time_limit_seconds: float


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The open session of a tenant."""

    tenant_id: int
    id: int
    status: SessionStatus
    provider_connection_id: int | None


@dataclass(frozen=True, slots=True)
class KnownConnection:
    """A provider connection of a tenant."""

    tenant_id: int
    id: int
    disabled: bool
    provider: str
    external_tenant_id: str
    client_id: str
    credential_ref: str
    cloud: str


@dataclass(frozen=True, slots=True)
class StandingRun:
    """An active run of a tenant."""

    tenant_id: int
    run_id: int
    task_type: str
    scope_key: str
    mode: Mode
    state: RunState
    since: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand in the tenants of a batch, while their guard rows are held."""

    now: datetime
    runs: tuple[StandingRun, ...]
    sessions: tuple[OpenSession, ...]
    connections: tuple[KnownConnection, ...]
    rules: tuple[TaskRule, ...]


@dataclass(frozen=True, slots=True)
class UnknownTaskType:
    """No runner has announced this task type; these it has."""

    task_type: str
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """The start is decided; the rest says what a new run would carry."""

    decision: Decision
    session: OpenSession | None
    connection: KnownConnection | None


Plan = Planned | UnknownTaskType | NotUsable


def plan(starts: Sequence[Start], standing: Standing) -> list[Plan]:
    """One plan per start, in order. Two equal starts in a batch make one run and reuse it."""
    rules = {rule.name: rule for rule in standing.rules}
    sessions = {session.tenant_id: session for session in standing.sessions}
    connections: dict[int, dict[int, KnownConnection]] = defaultdict(dict)
    for connection in standing.connections:
        connections[connection.tenant_id][connection.id] = connection
    active: dict[int, list[ActiveRun]] = defaultdict(list)
    for run in standing.runs:
        active[run.tenant_id].append(_active(run))

    plans: list[Plan] = []
    for start in starts:
        rule = rules.get(start.task_type)
        if rule is None:
            plans.append(UnknownTaskType(start.task_type, tuple(sorted(rules))))
            continue
        one = _plan(start, rule, sessions.get(start.tenant_id), connections[start.tenant_id], active[start.tenant_id])
        if isinstance(one, Planned) and isinstance(one.decision, Created):
            active[start.tenant_id].append(one.decision.run)
        plans.append(one)
    return plans


def _plan(
    start: Start,
    rule: TaskRule,
    session: OpenSession | None,
    connections: Mapping[int, KnownConnection],
    active: Sequence[ActiveRun],
) -> Plan:
    choice = choose_connection(
        start.connection_id,
        session.provider_connection_id if session else None,
        enabled=[one.id for one in connections.values() if not one.disabled],
        disabled=[one.id for one in connections.values() if one.disabled],
    )
    if isinstance(choice, NotUsable):
        return choice
    connection = None if choice.connection_id is None else connections[choice.connection_id]
    key = scope_key(rule.scope, choice.connection_id)
    return Planned(decide(start.task_type, rule.mode, key, active), session, connection)


def retry_after(blocked: Blocked, standing: Standing) -> int:
    """Seconds until it is worth asking again: what is left of the blocking run's time limit, but 30 at most.

    A run that waits takes as long as what it waits for: 30.
    """
    if blocked.run.state is RunState.WAITING:
        return LONGEST_RETRY_SECONDS
    limits = {rule.name: rule.time_limit_seconds for rule in standing.rules}
    since = blocked.run.since or standing.now
    elapsed = (standing.now - since).total_seconds()
    remaining = limits.get(blocked.run.task_type, LONGEST_RETRY_SECONDS) - elapsed
    return max(1, min(LONGEST_RETRY_SECONDS, ceil(remaining)))


def _active(run: StandingRun) -> ActiveRun:
    return ActiveRun(
        task_type=run.task_type,
        scope_key=run.scope_key,
        mode=run.mode,
        state=run.state,
        run_id=run.run_id,
        since=run.since,
    )
