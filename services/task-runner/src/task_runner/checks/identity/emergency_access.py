"""``identity.emergency_access``: does somebody get in when the Conditional Access policies lock everybody out?"""

from typing import Any

import msgspec

from task_runner.checks.identity.conditional_access import READ_POLICIES
from task_runner.checks.identity.emergency_accounts import READ_MEMBERS, READ_USERS, EmergencyAccount, find_accounts
from task_runner.checks.identity.policies import AccessPolicy, access_policies, check_states
from task_runner.checks.identity.protection import read_policies
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

MAX_LISTED = 200


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """A configured account, and the policies that reach it."""

    account: EmergencyAccount
    policies: tuple[AccessPolicy, ...]


def concerned(policies: tuple[AccessPolicy, ...]) -> tuple[AccessPolicy, ...]:
    """The enabled policies that may hold for a member of the tenant, and not for guests or applications alone."""
    return tuple(policy for policy in policies if policy.enforced and policy.audience.members)


def decide(accounts: tuple[EmergencyAccount, ...], policies: tuple[AccessPolicy, ...]) -> Result:
    """The result for the configured accounts and all policies. ``ok`` takes accounts that were configured and found."""
    enabled = concerned(policies)
    locked = tuple(Locked(account=account, policies=_reaching(account, enabled)) for account in accounts)
    guessed = _common_exclusions(enabled)
    payload = _payload(locked, enabled, guessed)
    unusable = [account.id for account in accounts if not account.usable]
    if unusable:
        message = f"Configured for emergency access, but nobody can sign in with it: {', '.join(unusable)}."
        return Result.fail("BREAKGLASS_MISSING", message, payload)
    if not enabled:
        message = "No Conditional Access policy is on yet; exclude the emergency access accounts from the first one."
        return Result.warn("BREAKGLASS_GUESSED", message, payload)
    if accounts:
        return _configured(locked, enabled, payload)
    if guessed:
        message = f"Excluded from every enabled policy, so probably for emergency access: {', '.join(guessed[:10])}."
        return Result.warn("BREAKGLASS_GUESSED", message, payload)
    message = (
        f"No account is excluded from all {len(enabled)} enabled policies: a mistake in one can lock everybody out."
    )
    return Result.fail("BREAKGLASS_MISSING", message, payload)


def _configured(locked: tuple[Locked, ...], enabled: tuple[AccessPolicy, ...], payload: dict[str, Any]) -> Result:
    caught = [locked_account.account.id for locked_account in locked if locked_account.policies]
    if caught:
        message = f"Not excluded from every enabled policy: {', '.join(caught)}."
        return Result.fail("BREAKGLASS_NOT_EXCLUDED", message, payload)
    message = f"{len(locked)} emergency access accounts are excluded from all {len(enabled)} enabled policies."
    return Result.ok("BREAKGLASS_OK", message, payload)


def _reaching(account: EmergencyAccount, enabled: tuple[AccessPolicy, ...]) -> tuple[AccessPolicy, ...]:
    """Those that may hold for the account; of a group, for it or for one of its users by name."""
    through = frozenset({account.id})
    return tuple(
        policy
        for policy in enabled
        if policy.audience.reaches(account.id, account.groups)
        or any(policy.audience.reaches(member, through) for member in account.members)
    )


def _common_exclusions(enabled: tuple[AccessPolicy, ...]) -> list[str]:
    excluded = [policy.audience.exclude_users | policy.audience.exclude_groups for policy in enabled]
    return sorted(frozenset.intersection(*excluded)) if excluded else []


def _payload(locked: tuple[Locked, ...], enabled: tuple[AccessPolicy, ...], guessed: list[str]) -> dict[str, Any]:
    return {
        "enabled_policy_count": len(enabled),
        "accounts": [
            {
                "id": locked_account.account.id,
                "kind": locked_account.account.kind,
                "usable": locked_account.account.usable,
                "not_excluded_from": [
                    {"id": policy.id, "name": policy.name} for policy in locked_account.policies[:MAX_LISTED]
                ],
            }
            for locked_account in locked
        ],
        "common_exclusions": guessed[:MAX_LISTED],
    }


@task(
    "identity.emergency_access",
    step=5,
    title="Emergency access accounts are excluded from Conditional Access",
    required=False,
    permissions=(READ_POLICIES, READ_USERS, READ_MEMBERS),
    licence="P1",
)
async def identity_emergency_access(context: TaskContext) -> Result:
    """Reads the policies and looks up the accounts that the runner was told of (ONBOARDING_EMERGENCY_ACCESS)."""
    await context.progress(0, 2, "Reading Conditional Access policies")
    items = await read_policies(context)
    check_states(items)
    policies = access_policies(items)
    await context.progress(1, 2, "Looking up the emergency access accounts")
    ids = sorted(context.emergency_access)
    through_groups = any(policy.audience.exclude_groups for policy in concerned(policies))
    accounts = await find_accounts(context, ids, with_groups=through_groups) if ids else ()
    await context.progress(2, 2, "Done")
    return decide(accounts, policies)
