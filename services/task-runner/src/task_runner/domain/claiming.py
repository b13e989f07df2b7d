"""Which waiting runs may start now: fair between tenants, and never two that exclude each other."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onboarding_shared.contracts.types import Mode
from task_runner.domain.admission import TENANT_SCOPE


@dataclass(frozen=True, slots=True)
class Work:
    """A run as far as it can be in another one's way. ``scope_key`` is a connection's id, or ``TENANT_SCOPE``."""

    run_id: int
    tenant_id: int
    scope_key: int
    mode: Mode
    task_type: str


def excludes(one: Work, other: Work) -> bool:
    """Whether two runs must not be under way at the same time."""
    if one.tenant_id != other.tenant_id:
        return False
    if one.scope_key == other.scope_key and one.task_type == other.task_type:
        return True
    if one.mode is Mode.SHARED and other.mode is Mode.SHARED:
        return False
    return one.scope_key == other.scope_key or TENANT_SCOPE in (one.scope_key, other.scope_key)


def choose(candidates: Iterable[Work], running: Iterable[Work], *, free: int, tenant_limit: int) -> list[Work]:
    """Up to ``free`` candidates, one of each tenant in turn, at most ``tenant_limit`` under way per tenant.

    ``candidates`` come in the order of tenants to serve, each tenant's oldest first; ``running`` has what is under way
    for those tenants. An exclusive run that has to wait holds back the younger ones which it excludes, so that a
    stream of shared ones cannot keep it waiting for ever.
    """
    waiting: dict[int, deque[Work]] = {}
    for candidate in candidates:
        waiting.setdefault(candidate.tenant_id, deque()).append(candidate)
    in_the_way: dict[int, list[Work]] = defaultdict(list)
    under_way: dict[int, int] = defaultdict(int)
    for work in running:
        in_the_way[work.tenant_id].append(work)
        under_way[work.tenant_id] += 1
    chosen: list[Work] = []
    while waiting and len(chosen) < free:
        for tenant_id in list(waiting):
            if len(chosen) == free:
                break
            room = under_way[tenant_id] < tenant_limit
            work = _next_allowed(waiting[tenant_id], in_the_way[tenant_id]) if room else None
            if work is None:
                del waiting[tenant_id]
                continue
            chosen.append(work)
            in_the_way[tenant_id].append(work)
            under_way[tenant_id] += 1
    return chosen


def _next_allowed(queue: deque[Work], in_the_way: list[Work]) -> Work | None:
    while queue:
        work = queue.popleft()
        if not _excluded(work, in_the_way):
            return work
        if work.mode is Mode.EXCLUSIVE:
            in_the_way.append(work)
    return None


def _excluded(work: Work, others: Sequence[Work]) -> bool:
    return any(excludes(work, other) for other in others)
