"""``identity.legacy_auth``: blocking of legacy authentication, which does not support MFA."""

from typing import Any

from task_runner.checks.identity.conditional_access import READ_POLICIES
from task_runner.checks.identity.policies import AccessPolicy, access_policies
from task_runner.checks.identity.protection import read_policies_without_defaults, read_security_defaults
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

LEGACY_CLIENTS = frozenset({"exchangeActiveSync", "other"})
"""The client types of legacy authentication. One policy must contain both (ScubaGear, MS.AAD.1.1v1)."""
MAX_LISTED = 200


def blocks_legacy(policy: AccessPolicy) -> bool:
    """Return True if the policy blocks legacy authentication for all users and applications, except its exclusions."""
    applies = policy.audience.everybody and policy.all_applications and policy.client_types >= LEGACY_CLIENTS
    return applies and policy.blocks and not policy.narrowing


def exclusions(policy: AccessPolicy, declared: frozenset[str]) -> tuple[str, ...]:
    """Return the exclusions of the policy as display texts, without the accounts and groups in ``declared``."""
    audience = policy.audience
    return (
        *(f"user {object_id}" for object_id in sorted(audience.exclude_users - declared)),
        *(f"group {object_id}" for object_id in sorted(audience.exclude_groups - declared)),
        *(f"role {object_id}" for object_id in sorted(audience.exclude_roles)),
        *(("guests",) if audience.guests_excluded else ()),
        *(("applications",) if policy.applications_excluded else ()),
    )


def decide(security_defaults: bool, policies: tuple[AccessPolicy, ...], declared: frozenset[str]) -> Result:
    """Return the result for security defaults and the policies; ``policies`` is empty if defaults are enabled.

    ``declared`` are the object ids of the emergency access accounts and groups, which may be excluded.
    """
    blocking = [policy for policy in policies if blocks_legacy(policy)]
    payload = _payload(security_defaults, policies, blocking, declared)
    if security_defaults:
        return Result.ok("LEGACY_BLOCKED", "Security defaults are enabled; they block legacy authentication.", payload)
    enforced = [policy for policy in blocking if policy.enforced]
    complete = next((policy for policy in enforced if not exclusions(policy, declared)), None)
    if complete is not None:
        return Result.ok("LEGACY_BLOCKED", f"“{complete.name}” blocks legacy authentication.", payload)
    if enforced:
        excluded = min((exclusions(policy, declared) for policy in enforced), key=len)
        message = f"Legacy authentication is blocked, but not for: {', '.join(excluded[:10])}."
        return Result.warn("LEGACY_EXCLUSIONS", message, payload)
    if blocking:
        message = f"“{blocking[0].name}”, which blocks legacy authentication, is in report-only mode."
        return Result.warn("LEGACY_REPORT_ONLY", message, payload)
    message = (
        "Security defaults are disabled and no Conditional Access policy blocks legacy authentication for all users."
    )
    return Result.fail("LEGACY_NOT_BLOCKED", message, payload)


def _payload(
    security_defaults: bool, policies: tuple[AccessPolicy, ...], blocking: list[AccessPolicy], declared: frozenset[str]
) -> dict[str, Any]:
    return {
        "security_defaults_enabled": security_defaults,
        "policy_count": len(policies),
        "declared_exclusions": sorted(declared),
        "blocking_policies": [
            {
                "id": policy.id,
                "name": policy.name,
                "state": policy.state,
                "exclusions": list(exclusions(policy, declared)[:MAX_LISTED]),
            }
            for policy in blocking[:MAX_LISTED]
        ],
    }


@task(
    "identity.legacy_auth",
    step=5,
    title="Legacy authentication is blocked",
    required=False,
    permissions=(READ_POLICIES,),
)
async def identity_legacy_auth(context: TaskContext) -> Result:
    """Reads security defaults and, if they are disabled, the policies that block legacy authentication."""
    await context.progress(0, 2, "Reading security defaults")
    if await read_security_defaults(context):
        await context.progress(2, 2, "Done")
        return decide(True, (), context.emergency_access)
    await context.progress(1, 2, "Reading Conditional Access policies")
    policies = await read_policies_without_defaults(context)
    await context.progress(2, 2, "Done")
    return decide(False, access_policies(policies), context.emergency_access)
