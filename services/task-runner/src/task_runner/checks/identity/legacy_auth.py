"""``identity.legacy_auth``: blocking of legacy authentication, which does not support MFA."""

from collections.abc import Sequence
from typing import Any

from task_runner.checks.identity.audience import Tolerated
from task_runner.checks.identity.conditions import LEGACY_CLIENTS
from task_runner.checks.identity.controls import Demand
from task_runner.checks.identity.coverage import Coverage, Gap, GapKind, Sought, best_coverage, gaps_of
from task_runner.checks.identity.policies import READ_POLICIES, AccessPolicy, enforced_of
from task_runner.checks.identity.protection import Protection, by_policies, read_protection, tolerated_by
from task_runner.checks.judging import MAX_LISTED
from task_runner.checks.subscriptions import READ_ORGANIZATION
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

_EXCLUSIONS = (GapKind.PEOPLE, GapKind.APPLICATION)


def blocking(policies: Sequence[AccessPolicy]) -> tuple[AccessPolicy, ...]:
    """Return the policies that block a client type of legacy authentication, for whomever."""
    return tuple(
        policy for policy in policies if policy.control.demand is Demand.BLOCK and policy.clients & LEGACY_CLIENTS
    )


def blocked(client: str) -> Sought:
    """Return the block of a client type for everybody as what has to be covered."""
    return Sought(who=None, clients=frozenset({client}), control_gap=lambda _: None, closes=_blocks)


def _blocks(policy: AccessPolicy) -> bool:
    return policy.control.demand is Demand.BLOCK


def decide(protection: Protection, tolerated: Tolerated) -> Result:
    """Return the result for security defaults and the policies, which are not read if defaults are enabled."""
    message = "Security defaults are enabled; they block legacy authentication."
    with_defaults = Result.ok("LEGACY_BLOCKED", message, {"security_defaults_enabled": True})
    count = protection.policies.count
    return by_policies(protection, with_defaults, Demand.BLOCK, lambda policies: _decide(policies, count, tolerated))


def _decide(policies: Sequence[AccessPolicy], count: int, tolerated: Tolerated) -> Result:
    payload = _payload(policies, count, tolerated)
    enforced = _coverages(enforced_of(policies), tolerated)
    gaps = _gaps(enforced)
    if enforced and not gaps:
        names = _names(enforced)
        return Result.ok("LEGACY_BLOCKED", f"{names} blocks legacy authentication.", payload)
    if enforced and all(_is_exclusion(gap) for gap in gaps):
        message = f"Legacy authentication is blocked, with exclusions: {_texts(gaps)}."
        return Result.warn("LEGACY_EXCLUSIONS", message, payload)
    eventual = _coverages(policies, tolerated)
    if eventual and all(_is_exclusion(gap) for gap in _gaps(eventual)):
        message = f"{_names(eventual)} or a policy beside it, which blocks legacy authentication, is report-only."
        return Result.warn("LEGACY_REPORT_ONLY", message, payload)
    partly = blocking(enforced_of(policies))
    if partly:
        parts = "; ".join(f"“{policy.name}”: {_texts(_gaps_alone(policy, tolerated))}" for policy in partly[:3])
        return Result.fail("LEGACY_PARTIAL", f"Legacy authentication is blocked only in part: {parts}.", payload)
    message = "Security defaults are disabled, and no enabled policy blocks legacy authentication."
    return Result.fail("LEGACY_NOT_BLOCKED", message, payload)


def _is_exclusion(gap: Gap) -> bool:
    return gap.kind in _EXCLUSIONS


def _coverages(policies: Sequence[AccessPolicy], tolerated: Tolerated) -> tuple[Coverage, ...]:
    """Return the best coverage of each client type of legacy authentication; empty if one is covered by no policy."""
    candidates = blocking(policies)
    coverages = [
        best_coverage(
            tuple(policy for policy in candidates if client in policy.clients), candidates, blocked(client), tolerated
        )
        for client in sorted(LEGACY_CLIENTS)
    ]
    return tuple(coverage for coverage in coverages if coverage) if all(coverages) else ()


def _gaps(coverages: Sequence[Coverage]) -> list[Gap]:
    return [gap for coverage in coverages for gap in coverage.gaps]


def _gaps_alone(policy: AccessPolicy, tolerated: Tolerated) -> list[Gap]:
    missing = [
        Gap(kind=GapKind.CLIENT, text=f"not for the client type {client}", id=client)
        for client in sorted(LEGACY_CLIENTS - policy.clients)
    ]
    return [*missing, *gaps_of(policy, blocked(next(iter(policy.clients & LEGACY_CLIENTS))), tolerated)]


def _texts(gaps: Sequence[Gap]) -> str:
    return ", ".join(dict.fromkeys(gap.text for gap in gaps[:20]))


def _names(coverages: Sequence[Coverage]) -> str:
    return " with ".join(dict.fromkeys(f"“{coverage.policy.name}”" for coverage in coverages))


def _payload(policies: Sequence[AccessPolicy], count: int, tolerated: Tolerated) -> dict[str, Any]:
    return {
        "security_defaults_enabled": False,
        "policy_count": count,
        "declared_exclusions": sorted(tolerated.emergency_access),
        "blocking_policies": [
            {
                "id": policy.id,
                "name": policy.name,
                "enforced": policy.enforced,
                "gaps": [gap.text for gap in _gaps_alone(policy, tolerated)][:MAX_LISTED],
                "tolerated_exclusions": [
                    str(principal) for principal in sorted(policy.audience.excluded) if principal in tolerated
                ][:MAX_LISTED],
            }
            for policy in blocking(policies)[:MAX_LISTED]
        ],
    }


@task(
    "identity.legacy_auth",
    step=5,
    title="Legacy authentication is blocked",
    required=False,
    permissions=(READ_POLICIES, READ_ORGANIZATION),
)
async def identity_legacy_auth(context: TaskContext) -> Result:
    """Reads security defaults and, if they are disabled, the policies that block legacy authentication."""
    await context.progress(0, 1, "Reading security defaults and Conditional Access policies")
    protection = await read_protection(context)
    await context.progress(1, 1, "Done")
    return decide(protection, tolerated_by(context))
