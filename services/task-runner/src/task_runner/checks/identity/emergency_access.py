"""``identity.emergency_access``: exclusion of the emergency access accounts from Conditional Access."""

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


class AccountPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """A configured account, and the policies that apply to it."""

    account: EmergencyAccount
    policies: tuple[AccessPolicy, ...]


def concerned(policies: tuple[AccessPolicy, ...]) -> tuple[AccessPolicy, ...]:
    """Return the enabled policies that can apply to members of the tenant, and not to guests or applications only."""
    return tuple(policy for policy in policies if policy.enforced and policy.audience.members)


def decide(accounts: tuple[EmergencyAccount, ...], policies: tuple[AccessPolicy, ...]) -> Result:
    """Return the result for the configured accounts and all policies. It is ``ok`` only with configured accounts."""
    enabled = concerned(policies)
    applied = tuple(AccountPolicies(account=account, policies=_applying(account, enabled)) for account in accounts)
    guessed = _common_exclusions(enabled)
    payload = _payload(applied, enabled, guessed)
    unusable = [account.id for account in accounts if not account.usable]
    if unusable:
        message = f"Configured emergency access accounts are missing or disabled: {', '.join(unusable)}."
        return Result.fail("BREAKGLASS_MISSING", message, payload)
    if not enabled:
        message = "No Conditional Access policy is enabled; exclude the emergency access accounts from the first one."
        return Result.warn("BREAKGLASS_GUESSED", message, payload)
    if accounts:
        return _configured(applied, enabled, payload)
    if guessed:
        message = f"Not configured, but excluded from every enabled policy: {', '.join(guessed[:10])}."
        return Result.warn("BREAKGLASS_GUESSED", message, payload)
    message = (
        f"No account is excluded from all {len(enabled)} enabled policies: an error in a policy can lock out all users."
    )
    return Result.fail("BREAKGLASS_MISSING", message, payload)


def _configured(
    applied: tuple[AccountPolicies, ...], enabled: tuple[AccessPolicy, ...], payload: dict[str, Any]
) -> Result:
    not_excluded = [entry.account.id for entry in applied if entry.policies]
    if not_excluded:
        message = f"Not excluded from every enabled policy: {', '.join(not_excluded)}."
        return Result.fail("BREAKGLASS_NOT_EXCLUDED", message, payload)
    message = f"{len(applied)} emergency access accounts are excluded from all {len(enabled)} enabled policies."
    return Result.ok("BREAKGLASS_OK", message, payload)


def _applying(account: EmergencyAccount, enabled: tuple[AccessPolicy, ...]) -> tuple[AccessPolicy, ...]:
    """Return the policies that can apply to the account; if it is a group, also those of its members."""
    own_group = frozenset({account.id})
    return tuple(
        policy
        for policy in enabled
        if policy.audience.reaches(account.id, account.groups)
        or any(policy.audience.reaches(member, own_group) for member in account.members)
    )


def _common_exclusions(enabled: tuple[AccessPolicy, ...]) -> list[str]:
    excluded = [policy.audience.exclude_users | policy.audience.exclude_groups for policy in enabled]
    return sorted(frozenset.intersection(*excluded)) if excluded else []


def _payload(
    applied: tuple[AccountPolicies, ...], enabled: tuple[AccessPolicy, ...], guessed: list[str]
) -> dict[str, Any]:
    return {
        "enabled_policy_count": len(enabled),
        "accounts": [
            {
                "id": entry.account.id,
                "kind": entry.account.kind,
                "usable": entry.account.usable,
                "not_excluded_from": [{"id": policy.id, "name": policy.name} for policy in entry.policies[:MAX_LISTED]],
            }
            for entry in applied
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
    """Reads the Conditional Access policies and the accounts that are configured in ONBOARDING_EMERGENCY_ACCESS."""
    await context.progress(0, 2, "Reading Conditional Access policies")
    items = await read_policies(context)
    check_states(items)
    policies = access_policies(items)
    await context.progress(1, 2, "Reading the emergency access accounts")
    ids = sorted(context.emergency_access)
    with_groups = any(policy.audience.exclude_groups for policy in concerned(policies))
    accounts = await find_accounts(context, ids, with_groups=with_groups) if ids else ()
    await context.progress(2, 2, "Done")
    return decide(accounts, policies)
