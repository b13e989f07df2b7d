"""Reads what protects sign-ins: security defaults, Conditional Access policies, and the licence for the latter."""

from collections.abc import Callable, Sequence

import msgspec

from task_runner.checks.identity.audience import Tolerated
from task_runner.checks.identity.controls import Demand
from task_runner.checks.identity.policies import (
    READ_POLICIES,
    AccessPolicy,
    Policies,
    policies_of,
    possible_policy,
)
from task_runner.checks.judging import settled
from task_runner.checks.lists import ADMIN_ROLES, PLANS
from task_runner.checks.subscriptions import confirm_unlicensed, may_have_plan
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_LICENSED, GraphRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.graph import SHARED
from task_runner.tasks.result import Result

DEFAULTS = "/policies/identitySecurityDefaultsEnforcementPolicy"
POLICIES = "/identity/conditionalAccess/policies"
_NO_POLICIES = Policies()


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """Security defaults, and without them the policies.

    ``licensed`` is False if the tenant has no licence with Conditional Access; it is only determined without policies.
    """

    security_defaults: bool = False
    policies: Policies = _NO_POLICIES
    licensed: bool = True


async def read_protection(context: TaskContext) -> Protection:
    """Read security defaults and, if they are disabled, the policies. Raise ``CannotTell`` if they cannot be read."""
    body = await context.graph.get(DEFAULTS, permission=READ_POLICIES, max_age=SHARED)
    if Fields(body, "securityDefaults").flag("isEnabled"):
        return Protection(security_defaults=True)
    return await read_policies(context)


async def read_policies(context: TaskContext) -> Protection:
    """Read the Conditional Access policies, and if there is none the licence.

    From the beta version, because v1.0 leaves out the policies with features that are in preview.
    """
    try:
        items = await context.graph.list(POLICIES, permission=READ_POLICIES, version="beta", max_age=SHARED)
    except GraphRefused as refused:
        if refused.reason_code != NOT_LICENSED:
            raise
        await confirm_unlicensed(context, refused, PLANS.premium)
        return Protection(licensed=False)
    policies = policies_of(items)
    if policies.count:
        return Protection(policies=policies)
    return Protection(licensed=await may_have_plan(context, PLANS.premium))


def tolerated_by(context: TaskContext) -> Tolerated:
    """Return the exclusions that are no gap in this customer's tenant."""
    return Tolerated(emergency_access=context.emergency_access, roles=frozenset(ADMIN_ROLES.synchronization.values()))


def by_policies(
    protection: Protection, with_defaults: Result, demand: Demand, rule: Callable[[Sequence[AccessPolicy]], Result]
) -> Result:
    """Return ``with_defaults`` if security defaults are enabled, otherwise the result of ``rule`` for the policies.

    ``demand`` is that of the best policy which one that cannot be judged could be.
    """
    if protection.security_defaults:
        return with_defaults
    if not protection.licensed:
        return defaults_needed()
    policies = protection.policies
    possible = [rule(policies.policies)]
    if policies.not_judged:
        possible.append(rule((*policies.policies, possible_policy(demand))))
    return settled(possible, policies.not_judged)


def defaults_needed() -> Result:
    """Return the result for a tenant without security defaults and without a licence for anything better."""
    message = "Security defaults are disabled, and the tenant has no licence with Conditional Access."
    payload = {"security_defaults_enabled": False, "conditional_access_licensed": False}
    return Result.fail("SECURITY_DEFAULTS_NEEDED", message, payload)
