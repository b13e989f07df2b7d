"""Decides a batch of starts, each against the active runs and the runs that earlier starts of the batch create."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from onboarding_shared.contracts.inputs import canonical
from onboarding_shared.contracts.types import Mode, RunState, Scope, SessionStatus
from session_api.domain.connections import ConnectionRefusal, Usable, choose_connection
from session_api.domain.guard import ActiveRun, Arguments, Blocked, Created, Decision, decide, scope_key
from session_api.domain.inputs import Declared, InputsCheck, InputsRefusal, refuse_inputs
from session_api.domain.offers import Offer, filled
from session_api.domain.quotas import NO_QUOTAS, Quotas, TooManyRuns

LONGEST_RETRY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Start:
    """A request to start a task.

    ``retry_of_run_id`` is the ended run that this one repeats. A ``dry_run`` changes nothing at the provider.
    """

    tenant_id: int
    task_type: str
    connection_id: int | None
    user_id: int
    traceparent: str | None
    retry_of_run_id: int | None = None
    inputs: Mapping[str, Any] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class TaskRule:
    """The fields of a task type that its starts depend on."""

    name: str
    scope: Scope
    mode: Mode
    time_limit_seconds: float
    inputs_schema: dict[str, Any] | None = None
    supports_dry_run: bool = False
    inputs_from: dict[str, str] = field(default_factory=dict)


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
    bound: bool = True
    """An operator has bound the tenant to this Microsoft tenant, application and credential."""


@dataclass(frozen=True, slots=True)
class TenantRun:
    """An active run of a tenant."""

    tenant_id: int
    run_id: int
    task_type: str
    scope_key: str
    mode: Mode
    state: RunState
    since: datetime
    has_inputs: bool = False
    inputs: dict[str, Any] | None = None
    """Known of the runs only that ``compared_runs`` names."""
    dry_run: bool = False
    target: str | None = None


@dataclass(frozen=True, slots=True)
class StartContext:
    """The rows that the starts of a batch depend on, read while the guard rows of its tenants are locked."""

    now: datetime
    runs: tuple[TenantRun, ...]
    sessions: tuple[OpenSession, ...]
    connections: tuple[KnownConnection, ...]
    rules: tuple[TaskRule, ...]
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class UnknownTaskType:
    """No runner has announced this task type; ``known`` are the announced ones."""

    task_type: str
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A decided start, and the session, connection and inputs of a new run."""

    decision: Decision
    session: OpenSession | None
    connection: KnownConnection | None
    inputs: Mapping[str, Any] | None = None


Plan = Planned | UnknownTaskType | ConnectionRefusal | InputsRefusal | TooManyRuns


def plan(starts: Sequence[Start], context: StartContext, check: InputsCheck, quotas: Quotas = NO_QUOTAS) -> list[Plan]:
    """Plan each start, in order. Of two equal starts in a batch, the second reuses the run of the first.

    ``check`` is applied to the inputs of task types that declare some. Inputs that a start omits are filled by offers,
    except in a retry, which has the inputs of the run that it repeats.
    """
    rules, sessions, connections = _by_tenant(context)
    active: dict[int, list[ActiveRun]] = defaultdict(list)
    for run in context.runs:
        active[run.tenant_id].append(_active(run))

    plans: list[Plan] = []
    for start in starts:
        rule, tenant_id = rules.get(start.task_type), start.tenant_id
        if rule is None:
            plans.append(UnknownTaskType(start.task_type, tuple(sorted(rules))))
            continue
        session = sessions.get(tenant_id)
        choice = _choice(start, rule, session, connections[tenant_id])
        inputs = _inputs(start, rule, session, choice, context.offers, check)
        if not isinstance(inputs, _Checked):
            plans.append(inputs)
        elif not isinstance(choice, Usable):
            plans.append(choice)
        else:
            planned = _plan(start, rule, session, connections[tenant_id], choice, inputs.inputs, active[tenant_id])
            plans.append(_admitted(planned, active[tenant_id], quotas))
    return plans


def compared_runs(starts: Sequence[Start], context: StartContext) -> list[tuple[int, int]]:
    """Tenant and id of the active runs whose inputs decide a start: each start may reuse one, if it has the same."""
    rules, sessions, connections = _by_tenant(context)
    with_inputs = {
        (run.tenant_id, run.scope_key, run.task_type): (run.tenant_id, run.run_id)
        for run in context.runs
        if run.has_inputs
    }
    compared = set()
    for start in starts if with_inputs else ():
        rule, tenant_id = rules.get(start.task_type), start.tenant_id
        if rule is None:
            continue
        choice = _choice(start, rule, sessions.get(tenant_id), connections[tenant_id])
        if isinstance(choice, Usable):
            key = (tenant_id, scope_key(rule.scope, choice.connection_id), start.task_type)
            compared.update({with_inputs[key]} if key in with_inputs else ())
    return sorted(compared)


def _by_tenant(
    context: StartContext,
) -> tuple[dict[str, TaskRule], dict[int, OpenSession], dict[int, dict[int, KnownConnection]]]:
    rules = {rule.name: rule for rule in context.rules}
    sessions = {session.tenant_id: session for session in context.sessions}
    connections: dict[int, dict[int, KnownConnection]] = defaultdict(dict)
    for connection in context.connections:
        connections[connection.tenant_id][connection.id] = connection
    return rules, sessions, connections


def _choice(
    start: Start, rule: TaskRule, session: OpenSession | None, connections: Mapping[int, KnownConnection]
) -> Usable | ConnectionRefusal:
    enabled: list[int] = []
    disabled: list[int] = []
    unbound: list[int] = []
    for known in connections.values():
        (disabled if known.disabled else enabled if known.bound else unbound).append(known.id)
    of_session = session.provider_connection_id if session else None
    choice = choose_connection(start.connection_id, of_session, enabled=enabled, disabled=disabled, unbound=unbound)
    needed = rule.scope is Scope.CONNECTION or start.connection_id is not None
    return choice if isinstance(choice, Usable) or needed else Usable(None)


@dataclass(frozen=True, slots=True)
class _Checked:
    """Inputs that the task type takes."""

    inputs: Mapping[str, Any] | None


def _inputs(
    start: Start,
    rule: TaskRule,
    session: OpenSession | None,
    choice: Usable | ConnectionRefusal,
    offers: Sequence[Offer],
    check: InputsCheck,
) -> _Checked | InputsRefusal:
    """The inputs of a new run. An offer that does not fit is left out: the user did not send it."""
    declared = Declared(rule.name, rule.inputs_schema, rule.supports_dry_run)
    if rule.inputs_from and not start.retry_of_run_id:
        where = (start.tenant_id, choice.connection_id if isinstance(choice, Usable) else None, session and session.id)
        mine = [offer for offer in offers if (offer.tenant_id, offer.connection_id, offer.session_id) == where]
        completed = filled(start.inputs, rule.inputs_from, mine)
        if (
            completed is not start.inputs
            and refuse_inputs(declared, completed, dry_run=start.dry_run, check=check) is None
        ):
            return _Checked(completed)
    return refuse_inputs(declared, start.inputs, dry_run=start.dry_run, check=check) or _Checked(start.inputs)


def _plan(
    start: Start,
    rule: TaskRule,
    session: OpenSession | None,
    connections: Mapping[int, KnownConnection],
    choice: Usable,
    inputs: Mapping[str, Any] | None,
    active: Sequence[ActiveRun],
) -> Planned:
    connection = None if choice.connection_id is None else connections[choice.connection_id]
    key = scope_key(rule.scope, choice.connection_id)
    arguments = Arguments(canonical(inputs), start.dry_run)
    target = None if connection is None else f"{connection.cloud}/{connection.external_tenant_id}"
    return Planned(decide(start.task_type, rule.mode, key, active, arguments, target), session, connection, inputs)


def _admitted(planned: Planned, active: list[ActiveRun], quotas: Quotas) -> Planned | TooManyRuns:
    """The plan, unless its new run is one too many; adds the run to the active ones."""
    if isinstance(planned.decision, Created):
        if 0 < quotas.active_runs <= len(active):
            return TooManyRuns(quotas.active_runs)
        active.append(planned.decision.run)
    return planned


def retry_after(blocked: Blocked, context: StartContext) -> int:
    """Return the seconds for ``Retry-After``, 1..30: the rest of the blocking run's time limit, 30 if it is waiting."""
    if blocked.run.state is RunState.WAITING:
        return LONGEST_RETRY_SECONDS
    limits = {rule.name: rule.time_limit_seconds for rule in context.rules}
    since = blocked.run.since or context.now
    elapsed = (context.now - since).total_seconds()
    remaining = limits.get(blocked.run.task_type, LONGEST_RETRY_SECONDS) - elapsed
    return max(1, min(LONGEST_RETRY_SECONDS, ceil(remaining)))


def _active(run: TenantRun) -> ActiveRun:
    return ActiveRun(
        task_type=run.task_type,
        scope_key=run.scope_key,
        mode=run.mode,
        state=run.state,
        run_id=run.run_id,
        since=run.since,
        arguments=Arguments(canonical(run.inputs), run.dry_run),
        target=run.target,
    )
