"""The concurrency guard: a start creates a run, reuses one, or is blocked by one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from onboarding_shared.contracts.inputs import canonical
from onboarding_shared.contracts.types import Mode, RunState, Scope

TENANT_SCOPE = "tenant"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a start: ``inputs`` as canonical JSON. A start with other arguments is another run."""

    inputs: str = canonical(None)
    dry_run: bool = False


NO_ARGUMENTS = Arguments()


def scope_key(scope: Scope, connection_id: int | None) -> str:
    """Return the scope key of a run: one provider connection, or the whole tenant.

    A task with scope ``connection`` that has no connection gets the scope key of the tenant.
    """
    if scope is Scope.CONNECTION and connection_id is not None:
        return f"connection:{connection_id}"
    return TENANT_SCOPE


def overlap(left: str, right: str) -> bool:
    """Return True if two scope keys of one tenant overlap. The scope of the tenant contains all its connections."""
    return left == right or TENANT_SCOPE in (left, right)


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that has not ended. ``run_id`` and ``since`` are None until it is inserted."""

    task_type: str
    scope_key: str
    mode: Mode
    state: RunState
    run_id: int | None = None
    since: datetime | None = None
    arguments: Arguments = NO_ARGUMENTS
    target: str | None = None
    """Cloud and Microsoft tenant of its connection: two connections to one of them are not independent."""

    @property
    def key(self) -> tuple[str, str]:
        """Scope key and task type: unique among the active runs of a tenant, enforced by a unique index."""
        return self.scope_key, self.task_type


@dataclass(frozen=True, slots=True)
class Created:
    """The start creates ``run``."""

    run: ActiveRun


@dataclass(frozen=True, slots=True)
class Reused:
    """The start returns ``run``, an active run of the same task type in the same scope."""

    run: ActiveRun


@dataclass(frozen=True, slots=True)
class Blocked:
    """The start is rejected: ``run`` must end first."""

    run: ActiveRun


Decision = Created | Reused | Blocked


def decide(
    task_type: str,
    mode: Mode,
    key: str,
    active: Sequence[ActiveRun],
    arguments: Arguments = NO_ARGUMENTS,
    target: str | None = None,
) -> Decision:
    """Decide one start against the active runs of its tenant.

    The same task type in the same scope is reused if it has the same arguments. It blocks the start if it has others,
    or if it is being cancelled, since it would end without a result. Otherwise an exclusive run conflicts with every
    run in an overlapping scope or on the same ``target``, and a shared run only with exclusive ones.
    """
    for run in active:
        if run.key == (key, task_type):
            reusable = run.arguments == arguments and run.state is not RunState.CANCELLING
            return Reused(run) if reusable else Blocked(run)
    new = ActiveRun(task_type, key, mode, RunState.QUEUED, arguments=arguments, target=target)
    blocking = _first_conflict(new, active) if active else None
    return Created(new) if blocking is None else Blocked(blocking)


def _first_conflict(new: ActiveRun, active: Iterable[ActiveRun]) -> ActiveRun | None:
    for run in active:
        same_target = new.target is not None and new.target == run.target
        if (same_target or overlap(new.scope_key, run.scope_key)) and Mode.EXCLUSIVE in (new.mode, run.mode):
            return run
    return None
