"""``identity.baseline``: protection of all users by security defaults or by Conditional Access."""

from collections.abc import Sequence
from typing import Any

from task_runner.checks.identity.audience import Tolerated
from task_runner.checks.identity.controls import Demand
from task_runner.checks.identity.coverage import Coverage, GapKind, best_coverage
from task_runner.checks.identity.mfa import mfa_of, mfa_policies, policy_payloads, with_blocks
from task_runner.checks.identity.policies import READ_POLICIES, AccessPolicy, enforced_of
from task_runner.checks.identity.protection import Protection, by_policies, read_protection, tolerated_by
from task_runner.checks.subscriptions import READ_ORGANIZATION
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result


def decide(protection: Protection, tolerated: Tolerated) -> Result:
    """Return the result for security defaults and the policies, which are not read if defaults are enabled."""
    enabled = {"security_defaults_enabled": True}
    with_defaults = Result.ok("BASELINE_SECURITY_DEFAULTS", "Security defaults are enabled.", enabled)
    count = protection.policies.count
    return by_policies(protection, with_defaults, Demand.MFA, lambda policies: _decide(policies, count, tolerated))


def _decide(policies: Sequence[AccessPolicy], count: int, tolerated: Tolerated) -> Result:
    payload = _payload(policies, count, tolerated)
    enforced = enforced_of(policies)
    coverage, eventual = _coverage(enforced, tolerated), _coverage(policies, tolerated)
    if coverage is not None and coverage.with_exclusions_only:
        return _full(coverage, payload)
    if eventual is not None and eventual.with_exclusions_only:
        message = f"“{eventual.policy.name}” or a policy beside it, which would protect all users, is report-only."
        return Result.warn("BASELINE_CA_REPORT_ONLY", message, payload)
    if coverage is not None and all(gap.exclusion or gap.kind is GapKind.EXTERNAL for gap in coverage.gaps):
        message = f"“{coverage.policy.name}” {coverage.policy.control.gap}."
        return Result.warn("BASELINE_CA_EXTERNAL", message, payload)
    if mfa_policies(enforced):
        return Result.warn("BASELINE_CA_PARTIAL", _near_miss(enforced, coverage), payload)
    if mfa_policies(policies):
        message = "The Conditional Access policies that require multifactor authentication are in report-only mode."
        return Result.warn("BASELINE_CA_REPORT_ONLY", message, payload)
    message = "Security defaults are disabled, and no enabled policy requires multifactor authentication."
    return Result.fail("BASELINE_NONE", message, payload)


def _coverage(policies: Sequence[AccessPolicy], tolerated: Tolerated) -> Coverage | None:
    """Return the best coverage that begins with a policy for MFA; blocks only add to it."""
    return best_coverage(mfa_policies(policies), with_blocks(policies), mfa_of(None), tolerated)


def _full(coverage: Coverage, payload: dict[str, Any]) -> Result:
    name = f"“{coverage.policy.name}”"
    if coverage.complete:
        return Result.ok("BASELINE_CA", f"{name} requires multifactor authentication for all users.", payload)
    excluded = ", ".join(gap.text for gap in coverage.gaps[:10])
    message = f"{name} requires multifactor authentication for all users, with exclusions: {excluded}."
    return Result.warn("BASELINE_CA_EXCLUSIONS", message, payload)


def _near_miss(enforced: Sequence[AccessPolicy], coverage: Coverage | None) -> str:
    if coverage is None:
        names = ", ".join(f"“{policy.name}”" for policy in mfa_policies(enforced)[:5])
        return f"Only some users need multifactor authentication, by {names}."
    gaps = "; ".join(gap.text for gap in coverage.gaps[:10])
    return f"“{coverage.policy.name}” comes closest to multifactor authentication for all users: {gaps}."


def _payload(policies: Sequence[AccessPolicy], count: int, tolerated: Tolerated) -> dict[str, Any]:
    return {
        "security_defaults_enabled": False,
        "policy_count": count,
        "policies": policy_payloads(policies, tolerated),
    }


@task(
    "identity.baseline",
    step=5,
    title="Multifactor authentication is required for all users",
    permissions=(READ_POLICIES, READ_ORGANIZATION),
)
async def identity_baseline(context: TaskContext) -> Result:
    """Reads security defaults and, if they are disabled, the Conditional Access policies."""
    await context.progress(0, 1, "Reading security defaults and Conditional Access policies")
    protection = await read_protection(context)
    await context.progress(1, 1, "Done")
    return decide(protection, tolerated_by(context))
