"""The model of a Conditional Access policy that all checks use, and how it is read."""

from collections.abc import Iterable, Sequence

import msgspec

from task_runner.checks.identity.audience import Audience, audience_of
from task_runner.checks.identity.conditions import CLIENTS, Resources, clients_of, limits_of, resources_of
from task_runner.checks.identity.controls import Control, Demand, control_of
from task_runner.checks.judging import NotJudged
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import RESPONSE_INVALID
from task_runner.tasks.result import CannotTell

READ_POLICIES = "Policy.Read.All"
ENFORCED = "enabled"
REPORT_ONLY = "enabledForReportingButNotEnforced"
DISABLED = "disabled"


class AccessPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that is enabled (``enforced``) or in report-only mode, and applies to somebody's sign-ins.

    ``clients`` are client types in lower case, ``limits`` other conditions as display texts.
    """

    id: str
    name: str
    enforced: bool
    audience: Audience
    resources: Resources
    clients: frozenset[str]
    limits: tuple[str, ...]
    control: Control

    @property
    def unlimited(self) -> bool:
        """True if it applies to its audience for every resource and client, under all conditions."""
        return self.resources.covers(None) and self.clients >= CLIENTS and not self.limits


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """The policies of a tenant: those that apply to somebody, the number of all, and those that cannot be judged."""

    policies: tuple[AccessPolicy, ...] = ()
    count: int = 0
    not_judged: tuple[NotJudged, ...] = ()


def policies_of(items: Iterable[object]) -> Policies:
    """Return the policies of a response. Disabled ones, and those that reach nobody, are only counted."""
    policies: list[AccessPolicy] = []
    not_judged: list[NotJudged] = []
    items = tuple(items)
    for index, item in enumerate(items):
        try:
            policy = _policy(Fields(item, f"policies[{index}]"))
        except CannotTell as failure:
            not_judged.append(NotJudged.of(item, failure, "displayName"))
            continue
        if policy is not None:
            policies.append(policy)
    return Policies(policies=tuple(policies), count=len(items), not_judged=tuple(not_judged))


def _policy(fields: Fields) -> AccessPolicy | None:
    state = fields.text("state")
    if state == DISABLED:
        return None
    if state not in (ENFORCED, REPORT_ONLY):
        message = f"The policy {fields.text('id')} has the state {state}, which this version does not support."
        raise CannotTell(RESPONSE_INVALID, message)
    conditions = fields.at("conditions")
    if _for_workloads(conditions):
        return None
    object_id = fields.text("id")
    policy = AccessPolicy(
        id=object_id,
        name=fields.optional_text("displayName") or object_id,
        enforced=state == ENFORCED,
        audience=audience_of(conditions.at("users")),
        resources=resources_of(conditions.at("applications")),
        clients=clients_of(conditions),
        limits=limits_of(conditions),
        control=control_of(fields.at_or_none("grantControls")),
    )
    return None if policy.audience.nobody or policy.resources.nothing else policy


def _for_workloads(conditions: Fields) -> bool:
    """Return True if the policy is for applications that sign in as themselves."""
    workloads = conditions.at_or_none("clientApplications")
    return workloads is not None and any(
        workloads.texts_or_empty(included)
        for included in ("includeServicePrincipals", "includeAgentIdServicePrincipals")
        if workloads.has(included)
    )


EVERYBODY = Audience(everybody=True)
EVERYTHING = Resources(everything=True)


def possible_policy(demand: Demand) -> AccessPolicy:
    """Return the widest policy that one which cannot be judged could be: for everybody, without exclusions."""
    return AccessPolicy(
        id="possible",
        name="possible",
        enforced=True,
        audience=EVERYBODY,
        resources=EVERYTHING,
        clients=CLIENTS,
        limits=(),
        control=Control(demand=demand),
    )


def enforced_of(policies: Sequence[AccessPolicy]) -> tuple[AccessPolicy, ...]:
    """Return the enabled policies."""
    return tuple(policy for policy in policies if policy.enforced)
