"""Conditional Access policies in detail: what is read out of a response, and whom a policy reaches."""

import copy
from typing import Any

import pytest

from task_runner.checks.identity.policies import AccessPolicy, access_policies, check_states
from task_runner.providers.fields import Fields
from task_runner.tasks import CannotTell
from tests.support.policies import COMPLETE, audience


def body(**users: Any) -> dict[str, Any]:
    changed = copy.deepcopy(COMPLETE)
    changed["conditions"]["users"] |= users
    return changed


def read(*bodies: dict[str, Any]) -> tuple[AccessPolicy, ...]:
    return access_policies(tuple(Fields(policy_body, "policy") for policy_body in bodies))


def test_only_policies_that_are_on_or_report_are_read() -> None:
    states = ("enabled", "enabledForReportingButNotEnforced", "disabled", "somethingNew")
    policies = read(*(body() | {"state": state, "id": state} for state in states))

    assert [(policy.id, policy.enforced) for policy in policies] == [
        ("enabled", True),
        ("enabledForReportingButNotEnforced", False),
    ]


def test_a_policy_with_an_unknown_state_may_be_enabled() -> None:
    known = tuple(
        Fields(body() | {"state": state}, "policy")
        for state in ("enabled", "enabledForReportingButNotEnforced", "disabled")
    )
    check_states(known)

    with pytest.raises(CannotTell, match="somethingNew") as caught:
        check_states((*known, Fields(body() | {"state": "somethingNew"}, "policy")))
    assert caught.value.reason_code == "GRAPH_RESPONSE_INVALID"


def test_a_weak_authentication_strength_instead_of_mfa_is_a_gap() -> None:
    weak = body()
    weak["grantControls"]["authenticationStrength"] = {"id": "password", "requirementsSatisfied": "none"}
    (policy,) = read(weak)

    assert policy.mfa_gaps == ("accepts something else instead of multifactor authentication",)


def test_a_policy_for_everybody_and_everything_that_requires_mfa() -> None:
    (policy,) = read(body())

    assert (policy.audience.everybody, policy.all_applications, policy.applications_excluded) == (True, True, False)
    assert (policy.client_types, policy.narrowing, policy.mfa_gaps, policy.blocks) == ({"all"}, (), (), False)


def test_a_policy_without_grant_controls_neither_requires_nor_blocks() -> None:
    (policy,) = read(body() | {"grantControls": None})

    assert (policy.mfa_gaps, policy.blocks) == (("requires nothing",), False)


def test_ids_are_compared_in_lower_case_without_guests() -> None:
    (policy,) = read(body(excludeUsers=["ABC", "GuestsOrExternalUsers"], includeRoles=["DEF"], excludeGroups=["Group"]))

    assert policy.audience.exclude_users == {"abc"}
    assert policy.audience.exclude_groups == {"group"}
    assert policy.audience.include_roles == {"def"}
    assert policy.audience.guests_excluded


@pytest.mark.parametrize("field", ["includeUsers", "includeGroups", "includeRoles", "excludeUsers", "excludeRoles"])
def test_a_policy_without_its_users_cannot_be_judged(field: str) -> None:
    spoiled = body()
    del spoiled["conditions"]["users"][field]

    with pytest.raises(CannotTell) as caught:
        read(spoiled)

    assert caught.value.payload["field"] == f"policy.conditions.users.{field}"


def test_an_authentication_strength_needs_its_satisfied_requirements() -> None:
    spoiled = body()
    spoiled["grantControls"]["authenticationStrength"] = {"id": "strong"}

    with pytest.raises(CannotTell) as caught:
        read(spoiled)

    assert caught.value.reason_code == "DATA_INCOMPLETE"


@pytest.mark.parametrize(
    ("fields", "reaches"),
    [
        ({}, True),
        ({"include_users": "me"}, True),
        ({"include_users": "you"}, False),
        ({"include_users": "none"}, False),
        ({"include_users": "", "include_groups": "any"}, True),
        ({"include_users": "", "include_roles": "any"}, True),
        ({"exclude_users": "me"}, False),
        ({"exclude_users": "you"}, True),
        ({"exclude_groups": "mine"}, False),
        ({"exclude_groups": "yours"}, True),
        ({"exclude_roles": "any"}, True),
    ],
)
def test_a_policy_reaches_whom_it_includes_and_does_not_exclude(fields: dict[str, str], reaches: bool) -> None:
    assert audience(**fields).reaches("me", frozenset({"mine"})) is reaches
