"""Multifactor authentication (MFA) by Conditional Access: which policies require it, of whom, and with what gaps."""

from collections.abc import Iterable, Sequence
from typing import Any

from task_runner.checks.identity.audience import Principal, Tolerated
from task_runner.checks.identity.conditions import CLIENTS
from task_runner.checks.identity.controls import Demand
from task_runner.checks.identity.coverage import Gap, GapKind, Sought, gaps_of
from task_runner.checks.identity.policies import AccessPolicy
from task_runner.checks.judging import MAX_LISTED

_NEAR = (Demand.MFA, Demand.MFA_OR_OTHER, Demand.EXTERNAL)


def mfa_policies(policies: Iterable[AccessPolicy]) -> tuple[AccessPolicy, ...]:
    """Return the policies that require MFA of somebody, or come near it."""
    return tuple(policy for policy in policies if policy.control.demand in _NEAR)


def with_blocks(policies: Iterable[AccessPolicy]) -> tuple[AccessPolicy, ...]:
    """Return the policies that require MFA or block: where a sign-in is blocked, nobody signs in without MFA."""
    return tuple(policy for policy in policies if policy.control.demand in (*_NEAR, Demand.BLOCK))


def mfa_of(who: Principal | None) -> Sought:
    """Return MFA of ``who`` (None = everybody) with every client as what has to be covered."""
    return Sought(who=who, clients=CLIENTS, control_gap=_control_gap, closes=_closes)


def _control_gap(policy: AccessPolicy) -> Gap | None:
    text = policy.control.gap
    if text is None:
        return None
    kind = GapKind.EXTERNAL if policy.control.demand is Demand.EXTERNAL else GapKind.CONTROL
    return Gap(kind=kind, text=text)


def _closes(policy: AccessPolicy) -> bool:
    return policy.control.demand in (Demand.MFA, Demand.BLOCK)


def policy_payloads(policies: Sequence[AccessPolicy], tolerated: Tolerated) -> list[dict[str, Any]]:
    """Return the policies for the evidence, with their gaps in requiring MFA of everybody and what is tolerated."""
    everybody = mfa_of(None)
    return [
        {
            "id": policy.id,
            "name": policy.name,
            "enforced": policy.enforced,
            "demand": policy.control.demand.value,
            "gaps": [gap.text for gap in gaps_of(policy, everybody, tolerated)][:MAX_LISTED],
            "tolerated_exclusions": [
                str(principal) for principal in sorted(policy.audience.excluded) if principal in tolerated
            ][:MAX_LISTED],
        }
        for policy in policies[:MAX_LISTED]
    ]
