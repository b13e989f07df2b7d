"""Chooses the runs to claim: fair between tenants, and without conflicts of scope."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onboarding_shared.contracts.types import Mode
from task_runner.domain.admission import TENANT_SCOPE


@dataclass(frozen=True, slots=True)
class GuardedRun:
    """The fields of a run that conflicts depend on. ``scope_key`` is a provider connection id or ``TENANT_SCOPE``."""

    run_id: int
    tenant_id: int
    scope_key: int
    mode: Mode
    task_type: str
    target: str | None = None
    """Cloud and Microsoft tenant of its connection: two connections to one of them are not independent."""


def excludes(first: GuardedRun, second: GuardedRun) -> bool:
    """Return True if two runs must not be in progress at the same time."""
    if first.tenant_id != second.tenant_id:
        return False
    if first.scope_key == second.scope_key and first.task_type == second.task_type:
        return True
    if first.mode is Mode.SHARED and second.mode is Mode.SHARED:
        return False
    if first.target is not None and first.target == second.target:
        return True
    return first.scope_key == second.scope_key or TENANT_SCOPE in (first.scope_key, second.scope_key)


def choose(
    candidates: Iterable[GuardedRun], running: Iterable[GuardedRun], *, free: int, tenant_limit: int
) -> list[GuardedRun]:
    """Choose up to ``free`` candidates, round robin over the tenants, at most ``tenant_limit`` in progress per tenant.

    ``candidates`` are in the order of the tenants, each tenant's oldest first; ``running`` are the runs in progress of
    these tenants. An exclusive run that cannot start blocks the later runs that it excludes, so that shared runs
    cannot starve it.
    """
    waiting: dict[int, deque[GuardedRun]] = {}
    for candidate in candidates:
        waiting.setdefault(candidate.tenant_id, deque()).append(candidate)
    blocking: dict[int, list[GuardedRun]] = defaultdict(list)
    in_progress: dict[int, int] = defaultdict(int)
    for run in running:
        blocking[run.tenant_id].append(run)
        in_progress[run.tenant_id] += 1
    chosen: list[GuardedRun] = []
    while waiting and len(chosen) < free:
        for tenant_id in list(waiting):
            if len(chosen) == free:
                break
            below_limit = in_progress[tenant_id] < tenant_limit
            run = _next_allowed(waiting[tenant_id], blocking[tenant_id]) if below_limit else None
            if run is None:
                del waiting[tenant_id]
                continue
            chosen.append(run)
            blocking[tenant_id].append(run)
            in_progress[tenant_id] += 1
    return chosen


def _next_allowed(queue: deque[GuardedRun], blocking: list[GuardedRun]) -> GuardedRun | None:
    while queue:
        run = queue.popleft()
        if not _excluded(run, blocking):
            return run
        if run.mode is Mode.EXCLUSIVE:
            blocking.append(run)
    return None


def _excluded(run: GuardedRun, others: Sequence[GuardedRun]) -> bool:
    return any(excludes(run, other) for other in others)
