"""``identity.emergency_access``: exclusion of the emergency access accounts from Conditional Access.

Microsoft's advice: https://learn.microsoft.com/entra/identity/role-based-access-control/security-emergency-access
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from task_runner.checks.identity.audience import GROUP, ROLE, USER, Principal
from task_runner.checks.identity.controls import Demand
from task_runner.checks.identity.emergency_accounts import READ_MEMBERS, READ_USERS, EmergencyAccount, find_accounts
from task_runner.checks.identity.policies import READ_POLICIES, AccessPolicy, possible_policy
from task_runner.checks.identity.protection import Protection, read_policies
from task_runner.checks.judging import MAX_LISTED, settled
from task_runner.checks.subscriptions import READ_ORGANIZATION
from task_runner.providers.graph_errors import NOT_LICENSED
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result


class AccountPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """A declared account, the policies that can lock it out, and those that only demand a phishing-resistant method.

    The latter include the account by name: Microsoft wants emergency access accounts to sign in so.
    """

    account: EmergencyAccount
    reaching: tuple[AccessPolicy, ...]
    dedicated: tuple[AccessPolicy, ...]


def can_lock_out(policies: Iterable[AccessPolicy]) -> tuple[AccessPolicy, ...]:
    """Return the enabled policies that can prevent a member of the tenant from signing in."""
    return tuple(
        policy for policy in policies if policy.enforced and policy.control.restricts and policy.audience.members
    )


def decide(accounts: tuple[EmergencyAccount, ...], protection: Protection) -> Result:
    """Return the result for the declared accounts and all policies. It is ``ok`` only with declared accounts."""
    policies = protection.policies
    if not protection.licensed:
        message = "The tenant has no licence with Conditional Access, which could lock out its administrators."
        return Result.unknown(NOT_LICENSED, message, {"applicable": False})
    possible = [_decide(accounts, policies.policies)]
    if policies.not_judged:
        possible.append(_decide(accounts, (*policies.policies, possible_policy(Demand.BLOCK))))
    return settled(possible, policies.not_judged)


def _decide(accounts: tuple[EmergencyAccount, ...], policies: Sequence[AccessPolicy]) -> Result:
    enabled = can_lock_out(policies)
    applied = tuple(_applied(account, enabled) for account in accounts)
    common = _common_exclusions(enabled)
    payload = _payload(applied, enabled, common)
    unusable = [account.id for account in accounts if not account.usable]
    if unusable:
        message = f"Declared emergency access accounts are missing or disabled: {', '.join(unusable)}."
        return Result.fail("BREAKGLASS_UNUSABLE", message, payload)
    if not enabled:
        message = "No policy is enabled that could lock out a user."
        return Result.warn("BREAKGLASS_NO_POLICY", message, payload)
    if accounts:
        return _declared(applied, len(enabled), payload)
    if common:
        message = f"Not declared, but excluded from every policy that reaches them: {', '.join(common[:10])}."
        return Result.warn("BREAKGLASS_GUESSED", message, payload)
    message = (
        f"No account is excluded from all {len(enabled)} enabled policies: an error in a policy can lock out all users."
    )
    return Result.fail("BREAKGLASS_MISSING", message, payload)


def _declared(applied: tuple[AccountPolicies, ...], count: int, payload: dict[str, Any]) -> Result:
    not_excluded = [entry.account.id for entry in applied if entry.reaching]
    if not_excluded:
        message = f"Not excluded from every enabled policy: {', '.join(not_excluded)}."
        return Result.fail("BREAKGLASS_NOT_EXCLUDED", message, payload)
    message = f"{len(applied)} emergency access accounts are excluded from all {count} enabled policies."
    if any(entry.dedicated for entry in applied):
        message = f"{len(applied)} emergency access accounts can only be held up by a policy made for them."
    return Result.ok("BREAKGLASS_OK", message, payload)


def _applied(account: EmergencyAccount, enabled: tuple[AccessPolicy, ...]) -> AccountPolicies:
    """Return the policies that can apply to the account; if it is a group, also those of its members."""
    own_group = frozenset({account.id})
    reaching = [
        policy
        for policy in enabled
        if policy.audience.reaches(account.id, account.groups)
        or any(policy.audience.reaches(member, own_group) for member in account.members)
    ]
    dedicated = [policy for policy in reaching if _is_dedicated(policy, account)]
    return AccountPolicies(
        account=account,
        reaching=tuple(policy for policy in reaching if policy not in dedicated),
        dedicated=tuple(dedicated),
    )


def _is_dedicated(policy: AccessPolicy, account: EmergencyAccount) -> bool:
    own = {Principal(USER, account.id), *(Principal(GROUP, group) for group in account.groups | {account.id})}
    own |= {Principal(USER, member) for member in account.members}
    return policy.control.phishing_resistant and not policy.audience.everybody and bool(own & policy.audience.included)


def _common_exclusions(enabled: tuple[AccessPolicy, ...]) -> list[str]:
    """Return the users and groups that a policy excludes, and that none reaches."""
    excluded = {
        principal for policy in enabled for principal in policy.audience.excluded if principal.kind in (USER, GROUP)
    }
    return sorted(
        principal.id for principal in excluded if not any(_may_reach(policy, principal) for policy in enabled)
    )


def _may_reach(policy: AccessPolicy, principal: Principal) -> bool:
    if principal.kind == USER:
        return policy.audience.reaches(principal.id)
    several = policy.audience.everybody or any(other.kind in (GROUP, ROLE) for other in policy.audience.included)
    return several and principal not in policy.audience.excluded


def _payload(
    applied: tuple[AccountPolicies, ...], enabled: tuple[AccessPolicy, ...], common: list[str]
) -> dict[str, Any]:
    return {
        "enabled_policy_count": len(enabled),
        "accounts": [
            {
                "id": entry.account.id,
                "kind": entry.account.kind,
                "usable": entry.account.usable,
                "not_excluded_from": _named(entry.reaching),
                "dedicated_policies": _named(entry.dedicated),
            }
            for entry in applied
        ],
        "common_exclusions": common[:MAX_LISTED],
    }


def _named(policies: Sequence[AccessPolicy]) -> list[dict[str, str]]:
    return [{"id": policy.id, "name": policy.name} for policy in policies[:MAX_LISTED]]


@task(
    "identity.emergency_access",
    step=5,
    title="Emergency access accounts are excluded from Conditional Access",
    required=False,
    permissions=(READ_POLICIES, READ_USERS, READ_MEMBERS, READ_ORGANIZATION),
    licence="P1",
)
async def identity_emergency_access(context: TaskContext) -> Result:
    """Reads the Conditional Access policies and the accounts that are declared in ONBOARDING_EMERGENCY_ACCESS."""
    await context.progress(0, 2, "Reading Conditional Access policies")
    protection = await read_policies(context)
    await context.progress(1, 2, "Reading the emergency access accounts")
    ids = sorted(context.emergency_access)
    with_groups = any(
        principal.kind == GROUP
        for policy in can_lock_out(protection.policies.policies)
        for principal in policy.audience.excluded | policy.audience.included
    )
    accounts = await find_accounts(context, ids, with_groups=with_groups) if ids else ()
    await context.progress(2, 2, "Done")
    return decide(accounts, protection)
