"""Conditional Access: which policy protects everybody, and what the baseline makes of all of them."""

import copy
from typing import Any

import pytest

from task_runner.checks.identity.baseline import decide
from task_runner.checks.identity.conditional_access import Policy, policy_from
from task_runner.providers.fields import Fields
from task_runner.tasks import CannotTell
from tests.support.policies import COMPLETE

SINGLE_FACTOR = {"id": "password-alone", "requirementsSatisfied": "none"}


def with_value(path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(COMPLETE)
    *way, last = path.split(".")
    target = changed
    for step in way:
        target = target[step]
    target[last] = value
    return changed


def read(body: dict[str, Any]) -> Policy:
    return policy_from(Fields(body, "policy"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "p1"),
        ("conditions.users.excludeUsers", ["breakglass1", "breakglass2"]),
        ("grantControls.operator", "AND"),
        ("grantControls.authenticationStrength", {"id": "phishing-resistant", "requirementsSatisfied": "mfa"}),
    ],
)
def test_a_policy_that_protects_everybody_has_no_gap(path: str, value: Any) -> None:
    assert read(with_value(path, value)).gaps == ()


def test_a_stronger_demand_than_mfa_alone_has_no_gap() -> None:
    body = with_value("grantControls.builtInControls", ["mfa", "compliantDevice"])
    body["grantControls"]["operator"] = "AND"

    assert read(body).gaps == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("conditions.users.includeUsers", ["somebody"]),
        ("conditions.users.excludeUsers", ["a", "b", "c", "d", "e"]),
        ("conditions.users.excludeUsers", ["GuestsOrExternalUsers"]),
        ("conditions.users.excludeGroups", ["g"]),
        ("conditions.users.excludeRoles", ["r"]),
        ("conditions.users.excludeGuestsOrExternalUsers", {"guestOrExternalUserTypes": "internalGuest"}),
        ("conditions.applications.includeApplications", ["Office365"]),
        ("conditions.applications.excludeApplications", ["app"]),
        ("conditions.applications.applicationFilter", {"mode": "exclude"}),
        ("conditions.clientAppTypes", ["browser"]),
        ("conditions.signInRiskLevels", ["high"]),
        ("conditions.userRiskLevels", ["high"]),
        ("conditions.platforms", {"includePlatforms": ["iOS"]}),
        ("conditions.locations", {"includeLocations": ["x"]}),
        ("conditions.devices", {"deviceFilter": {}}),
        ("conditions.insiderRiskLevels", "elevated"),
        ("conditions.authenticationFlows", {"transferMethods": "deviceCodeFlow"}),
        ("grantControls", None),
        ("grantControls.builtInControls", ["block"]),
        (
            "grantControls",
            {**COMPLETE["grantControls"], "builtInControls": [], "authenticationStrength": SINGLE_FACTOR},
        ),
        ("grantControls.builtInControls", ["mfa", "compliantDevice"]),
        ("grantControls.termsOfUse", ["terms"]),
        ("grantControls.customAuthenticationFactors", ["duo"]),
        ("state", "disabled"),
        ("state", "somethingNew"),
    ],
)
def test_a_policy_that_leaves_somebody_out_has_a_gap(path: str, value: Any) -> None:
    assert len(read(with_value(path, value)).gaps) == 1


def test_a_policy_without_its_state_cannot_be_judged() -> None:
    body = {key: value for key, value in COMPLETE.items() if key != "state"}

    with pytest.raises(CannotTell) as caught:
        read(body)

    assert (caught.value.reason_code, caught.value.payload["field"]) == ("DATA_INCOMPLETE", "policy.state")


def policy(state: str, *gaps: str) -> Policy:
    return Policy(id="p", name="P", state=state, gaps=gaps)


REPORT = "enabledForReportingButNotEnforced"


@pytest.mark.parametrize(
    ("defaults", "policies", "expected"),
    [
        (True, (), ("ok", "BASELINE_SECURITY_DEFAULTS")),
        (False, (policy("enabled"),), ("ok", "BASELINE_CA")),
        (False, (policy("disabled", "x"), policy("enabled", "x"), policy("enabled")), ("ok", "BASELINE_CA")),
        (False, (policy(REPORT),), ("warn", "BASELINE_CA_REPORT_ONLY")),
        (False, (policy(REPORT, "not all users"),), ("warn", "BASELINE_CA_REPORT_ONLY")),
        (False, (policy("enabled", "not all users"), policy(REPORT)), ("warn", "BASELINE_CA_REPORT_ONLY")),
        (False, (policy("enabled", "not all users"),), ("warn", "BASELINE_CA_PARTIAL")),
        (False, (policy("enabled", "a"), policy(REPORT, "b")), ("warn", "BASELINE_CA_PARTIAL")),
        (False, (), ("fail", "BASELINE_NONE")),
        (False, (policy("disabled", "not in force"),), ("fail", "BASELINE_NONE")),
    ],
)
def test_baseline(defaults: bool, policies: tuple[Policy, ...], expected: tuple[str, str]) -> None:
    result = decide(defaults, policies)

    assert (result.status.value, result.reason_code) == expected
