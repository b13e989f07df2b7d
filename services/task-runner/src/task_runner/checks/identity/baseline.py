"""``identity.baseline``: protection of all users by security defaults or by Conditional Access."""

import msgspec

from task_runner.checks.identity.conditional_access import READ_POLICIES, Policy, policy_from
from task_runner.checks.identity.protection import read_policies_without_defaults, read_security_defaults
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

MAX_POLICIES = 250


def decide(security_defaults: bool, policies: tuple[Policy, ...]) -> Result:
    """Return the result for security defaults and the policies; ``policies`` is empty if defaults are enabled."""
    payload = {
        "security_defaults_enabled": security_defaults,
        "policy_count": len(policies),
        "policies": [msgspec.to_builtins(policy) for policy in policies[:MAX_POLICIES]],
    }
    if security_defaults:
        return Result.ok("BASELINE_SECURITY_DEFAULTS", "Security defaults are enabled.", payload)
    enforced = [policy for policy in policies if policy.enforced]
    reporting = [policy for policy in policies if policy.report_only]
    complete = next((policy for policy in enforced if not policy.gaps), None)
    if complete is not None:
        message = f"“{complete.name}” requires multifactor authentication for all users."
        return Result.ok("BASELINE_CA", message, payload)
    if any(not policy.gaps for policy in reporting) or (reporting and not enforced):
        message = "The Conditional Access policies that would protect the users are in report-only mode."
        return Result.warn("BASELINE_CA_REPORT_ONLY", message, payload)
    if enforced:
        message = "Conditional Access policies are enabled, but none requires multifactor authentication for all users."
        return Result.warn("BASELINE_CA_PARTIAL", message, payload)
    message = "Security defaults are disabled and no Conditional Access policy is enabled."
    return Result.fail("BASELINE_NONE", message, payload)


@task(
    "identity.baseline",
    step=5,
    title="Multifactor authentication is required for all users",
    permissions=(READ_POLICIES,),
)
async def identity_baseline(context: TaskContext) -> Result:
    """Reads security defaults and, if they are disabled, the Conditional Access policies."""
    await context.progress(0, 2, "Reading security defaults")
    security_defaults = await read_security_defaults(context)
    if security_defaults:
        return decide(security_defaults, ())
    await context.progress(1, 2, "Reading Conditional Access policies")
    policies = await read_policies_without_defaults(context)
    await context.progress(2, 2, "Done")
    return decide(security_defaults, tuple(policy_from(fields) for fields in policies))
