"""Conditional Access policies: what is read out of a response, in which notation, and whom a policy reaches."""

from typing import Any

import pytest

from task_runner.checks.identity.audience import GUESTS, ROLE, USER, Principal
from task_runner.checks.identity.conditions import CLIENTS
from task_runner.checks.identity.policies import policies_of
from tests.support.policies import ALL_GUESTS, LEGACY_CLIENTS, REPORT, blocks, guests, read, sent

NOBODY = [
    sent(users={"includeUsers": ["None"]}),
    sent(users={"includeUsers": []}),
    sent(users={"includeUsers": ["a"], "excludeUsers": ["A"]}),
    sent(applications={"includeApplications": [], "includeUserActions": ["urn:user:registersecurityinfo"]}),
    sent(applications={"includeApplications": ["None"], "includeAuthenticationContextClassReferences": ["c1"]}),
    sent(conditions={"clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}}),
    sent(state="disabled"),
]


@pytest.mark.parametrize("body", NOBODY)
def test_a_policy_for_nobody_is_counted_but_not_judged(body: dict[str, Any]) -> None:
    policies = policies_of((body,))

    assert (policies.policies, policies.count, policies.not_judged) == ((), 1, ())


def test_only_policies_that_are_on_or_report_are_read() -> None:
    policies = policies_of((sent("On"), sent("Report", state=REPORT), sent("Off", state="disabled")))

    assert [(policy.name, policy.enforced) for policy in policies.policies] == [("On", True), ("Report", False)]


def test_a_disabled_policy_needs_no_other_field() -> None:
    assert policies_of(({"state": "disabled"},)).not_judged == ()


def test_a_policy_with_an_unknown_state_is_not_judged() -> None:
    (unjudged,) = policies_of((sent("New", state="somethingNew"),)).not_judged

    assert (unjudged.name, unjudged.reason_code) == ("New", "GRAPH_RESPONSE_INVALID")
    assert "somethingNew" in unjudged.message


SAME: list[tuple[str, dict[str, Any]]] = [
    ("platforms", {"conditions": {"platforms": {"includePlatforms": ["all"], "excludePlatforms": []}}}),
    ("platforms empty", {"conditions": {"platforms": {"includePlatforms": [], "excludePlatforms": None}}}),
    ("locations", {"conditions": {"locations": {"includeLocations": ["All"], "excludeLocations": []}}}),
    ("devices", {"conditions": {"devices": {"deviceFilter": None}}}),
    ("flows", {"conditions": {"authenticationFlows": {"transferMethods": "none"}}}),
    ("risk null", {"conditions": {"signInRiskLevels": None, "userRiskLevels": None}}),
    ("every risk", {"conditions": {"signInRiskLevels": ["low", "medium", "high", "none"]}}),
    ("clients", {"clients": ("browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "other")}),
    ("users null", {"users": {"excludeUsers": None, "includeGroups": None, "excludeRoles": None}}),
    ("lower case", {"users": {"includeUsers": ["all"]}, "applications": {"includeApplications": ["all"]}}),
    ("applications null", {"applications": {"excludeApplications": None}}),
    ("strength", {"grant": {"builtInControls": [], "authenticationStrength": {"requirementsSatisfied": "mfa"}}}),
    ("no operator", {"grant": {"operator": None}}),
    ("controls null", {"grant": {"termsOfUse": None, "customAuthenticationFactors": None}}),
    ("and", {"grant": {"operator": "AND", "builtInControls": ["mfa", "compliantDevice"]}}),
]


@pytest.mark.parametrize("fields", [fields for _, fields in SAME], ids=[name for name, _ in SAME])
def test_two_notations_of_one_policy_are_equal(fields: dict[str, Any]) -> None:
    assert read(sent(**fields)) == read(sent())


def test_all_guests_are_equal_in_both_notations() -> None:
    old = read(sent(users={"excludeUsers": ["GuestsOrExternalUsers"]}))

    assert read(sent(users={"excludeGuestsOrExternalUsers": guests(ALL_GUESTS)})) == old


LIMITS: list[tuple[dict[str, Any], str]] = [
    ({"platforms": {"includePlatforms": ["iOS"], "excludePlatforms": []}}, "only under the condition platforms"),
    ({"platforms": {"includePlatforms": ["all"], "excludePlatforms": ["linux"]}}, "only under the condition platforms"),
    ({"locations": {"includeLocations": ["x"], "excludeLocations": []}}, "only under the condition locations"),
    (
        {"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}},
        "not from the excluded locations AllTrusted",
    ),
    ({"devices": {"deviceFilter": {"mode": "include", "rule": "x"}}}, "only under the condition devices"),
    ({"signInRiskLevels": ["high"]}, "only under the condition signInRiskLevels"),
    ({"userRiskLevels": ["low", "medium", "high"]}, "only under the condition userRiskLevels"),
    ({"insiderRiskLevels": "elevated"}, "only under the condition insiderRiskLevels"),
    (
        {"authenticationFlows": {"transferMethods": "deviceCodeFlow"}},
        "only under the condition authenticationFlows",
    ),
    ({"somethingNew": {"value": 1}}, "only under the condition somethingNew"),
]


@pytest.mark.parametrize(("conditions", "limit"), LIMITS)
def test_a_condition_that_restricts_is_a_limit(conditions: dict[str, Any], limit: str) -> None:
    assert read(sent(conditions=conditions)).limits == (limit,)


@pytest.mark.parametrize(
    ("grant", "demand"),
    [
        ({"builtInControls": ["block"]}, "block"),
        ({"builtInControls": ["mfa", "compliantDevice"]}, "mfa or other"),
        ({"termsOfUse": ["terms"]}, "mfa or other"),
        ({"customAuthenticationFactors": ["duo"]}, "mfa or other"),
        ({"builtInControls": [], "customAuthenticationFactors": ["duo"]}, "external"),
        ({"builtInControls": ["compliantDevice"], "customAuthenticationFactors": ["duo"]}, "other"),
        ({"builtInControls": ["passwordChange"]}, "other"),
        ({"builtInControls": ["compliantDevice"]}, "other"),
        ({"builtInControls": [], "authenticationStrength": {"requirementsSatisfied": "none"}}, "other"),
        ({"authenticationStrength": {"requirementsSatisfied": "none"}}, "mfa or other"),
    ],
)
def test_what_a_policy_demands(grant: dict[str, Any], demand: str) -> None:
    assert read(sent(grant=grant)).control.demand.value == demand


@pytest.mark.parametrize(
    ("strength", "resistant"),
    [
        ({"id": "00000000-0000-0000-0000-000000000004"}, True),
        ({"id": "own", "allowedCombinations": ["fido2", "windowsHelloForBusiness"]}, True),
        ({"id": "own", "allowedCombinations": ["fido2", "sms"]}, False),
        ({"id": "own"}, False),
    ],
)
def test_a_phishing_resistant_strength(strength: dict[str, Any], resistant: bool) -> None:
    grant = {"builtInControls": [], "authenticationStrength": {"requirementsSatisfied": "mfa", **strength}}

    assert read(sent(grant=grant)).control.phishing_resistant is resistant


def test_session_controls_alone_restrict_nobody() -> None:
    assert not read(sent() | {"grantControls": None}).control.restricts


def test_a_policy_is_read_with_its_users_clients_and_resources() -> None:
    policy = read(
        blocks(users={"includeRoles": ["R"], "excludeUsers": ["U"]}, applications={"excludeApplications": ["APP"]})
    )

    assert (policy.audience.everybody, policy.audience.included) == (True, {Principal(ROLE, "r")})
    assert policy.audience.excluded == {Principal(USER, "u")}
    assert (policy.resources.everything, policy.resources.excluded) == (True, {"app"})
    assert policy.clients == {client.lower() for client in LEGACY_CLIENTS}
    assert read(sent()).clients == CLIENTS


def test_guests_of_certain_tenants_are_some_guests() -> None:
    policy = read(
        sent(users={"includeUsers": [], "includeGuestsOrExternalUsers": guests("internalGuest", "enumerated")})
    )

    assert (policy.audience.included, policy.audience.some_guests) == (frozenset(), True)


def test_an_exclusion_of_certain_tenants_excludes_the_kind() -> None:
    policy = read(sent(users={"excludeGuestsOrExternalUsers": guests("internalGuest", "enumerated")}))

    assert policy.audience.excluded == {Principal(GUESTS, "internalguest")}


REQUIRED = [
    ("conditions", "users", "includeUsers"),
    ("conditions", "users", "includeGroups"),
    ("conditions", "users", "includeRoles"),
    ("conditions", "users", "excludeUsers"),
    ("conditions", "users", "excludeGroups"),
    ("conditions", "users", "excludeRoles"),
    ("conditions", "users", "excludeGuestsOrExternalUsers"),
    ("conditions", "clientApplications"),
    ("conditions", "applications", "includeApplications"),
    ("conditions", "applications", "excludeApplications"),
    ("conditions", "applications", "applicationFilter"),
    ("conditions", "clientAppTypes"),
    ("conditions", "signInRiskLevels"),
    ("conditions", "platforms"),
    ("conditions", "locations"),
    ("conditions", "devices"),
    ("grantControls",),
    ("grantControls", "builtInControls"),
    ("grantControls", "operator"),
    ("grantControls", "authenticationStrength"),
    ("state",),
    ("id",),
]


@pytest.mark.parametrize("way", REQUIRED, ids=".".join)
def test_a_policy_without_a_field_of_the_rules_is_not_judged(way: tuple[str, ...]) -> None:
    body = sent()
    parent = body
    for name in way[:-1]:
        parent = parent[name]
    del parent[way[-1]]

    policies = policies_of((body,))

    assert policies.policies == ()
    assert [unjudged.reason_code for unjudged in policies.not_judged] == ["DATA_INCOMPLETE"]


def test_a_name_is_not_needed() -> None:
    assert read(sent() | {"displayName": None}).name == "mfa"


@pytest.mark.parametrize(
    ("users", "reaches"),
    [
        ({}, True),
        ({"includeUsers": ["me"]}, True),
        ({"includeUsers": ["you"]}, False),
        ({"includeUsers": [], "includeGroups": ["any"]}, True),
        ({"includeUsers": [], "includeRoles": ["any"]}, True),
        ({"includeUsers": [], "includeGuestsOrExternalUsers": guests("internalGuest")}, False),
        ({"excludeUsers": ["me"]}, False),
        ({"excludeUsers": ["you"]}, True),
        ({"excludeGroups": ["mine"]}, False),
        ({"excludeGroups": ["yours"]}, True),
        ({"excludeRoles": ["any"]}, True),
    ],
)
def test_a_policy_reaches_whom_it_includes_and_does_not_exclude(users: dict[str, Any], reaches: bool) -> None:
    assert read(sent(users=users)).audience.reaches("me", frozenset({"mine"})) is reaches
