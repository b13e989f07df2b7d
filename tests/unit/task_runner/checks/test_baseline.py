"""MFA for all users: what policies require together, and which gap gets which verdict."""

from typing import Any

import pytest

from task_runner.checks.identity.baseline import decide
from task_runner.checks.identity.protection import Protection
from tests.support.policies import (
    ALL_GUESTS,
    LEGACY_CLIENTS,
    REPORT,
    SYNC_ROLE,
    TOLERATED,
    blocks,
    guests,
    protection,
    sent,
)

OK = ("ok", "BASELINE_CA")
EXCLUSIONS = ("warn", "BASELINE_CA_EXCLUSIONS")
PARTIAL = ("warn", "BASELINE_CA_PARTIAL")
REPORTING = ("warn", "BASELINE_CA_REPORT_ONLY")
EXTERNAL = ("warn", "BASELINE_CA_EXTERNAL")
NONE = ("fail", "BASELINE_NONE")

WITHOUT_GUESTS = sent(users={"excludeGuestsOrExternalUsers": guests(ALL_GUESTS)})
FOR_GUESTS = sent("Guests", users={"includeUsers": [], "includeGuestsOrExternalUsers": guests(ALL_GUESTS)})
FOR_SOME_GUESTS = sent("Guests", users={"includeUsers": [], "includeGuestsOrExternalUsers": guests("internalGuest")})
MODERN = sent(clients=("browser", "mobileAppsAndDesktopClients"))
WITHOUT_APP = sent(applications={"excludeApplications": ["app"]})
WITHOUT_GROUP = sent(users={"excludeGroups": ["g"]})
WITHOUT_USER = sent(users={"excludeUsers": ["u"]})


def filtered(mode: str, rule: str) -> dict[str, Any]:
    return sent(f"{mode} {rule}", applications={"applicationFilter": {"mode": mode, "rule": rule}})


STRENGTH = {"builtInControls": [], "authenticationStrength": {"id": "s", "requirementsSatisfied": "none"}}


def verdict(*bodies: object) -> tuple[str, str]:
    result = decide(protection(*bodies), TOLERATED)
    return result.status.value, result.reason_code


@pytest.mark.parametrize(
    "bodies",
    [
        (sent(),),
        (sent(), blocks()),
        (sent(users={"excludeUsers": ["Emergency"]}),),
        (sent(users={"excludeGroups": ["emergency"]}),),
        (sent(users={"excludeRoles": [SYNC_ROLE]}),),
        (sent(users={"excludeGuestsOrExternalUsers": guests("serviceProvider")}),),
        (WITHOUT_GUESTS, FOR_GUESTS),
        (WITHOUT_GUESTS, sent("Guests", users={"includeUsers": ["GuestsOrExternalUsers"]})),
        (WITHOUT_APP, sent("App", applications={"includeApplications": ["App"]})),
        (WITHOUT_APP, blocks("App", clients=("all",), applications={"includeApplications": ["app"]})),
        (WITHOUT_GROUP, sent("Group", users={"includeUsers": [], "includeGroups": ["G"]})),
        (WITHOUT_USER, sent("User", users={"includeUsers": ["u"]})),
        (filtered("exclude", "x"), filtered("include", "x")),
        (MODERN, blocks()),
        (MODERN, blocks("EAS", clients=LEGACY_CLIENTS[:1]), blocks("Other", clients=LEGACY_CLIENTS[1:])),
        (WITHOUT_USER, sent("Other", users={"excludeUsers": ["v"]})),
    ],
)
def test_policies_that_together_reach_everybody_are_ok(bodies: tuple[object, ...]) -> None:
    assert verdict(*bodies) == OK


@pytest.mark.parametrize(
    "bodies",
    [
        (WITHOUT_USER,),
        (WITHOUT_GROUP,),
        (WITHOUT_GUESTS,),
        (sent(users={"excludeRoles": ["r"]}),),
        (WITHOUT_GUESTS, FOR_SOME_GUESTS),
        (WITHOUT_GROUP, sent("Group", users={"includeUsers": [], "includeGroups": ["g"], "excludeUsers": ["u"]})),
        (WITHOUT_GROUP, sent("Group", users={"includeUsers": [], "includeGroups": ["g"]}, state=REPORT)),
        (WITHOUT_GROUP, sent("Other", users={"excludeGroups": ["h"]})),
        (WITHOUT_USER, sent("User", users={"includeUsers": ["u"]}, conditions={"userRiskLevels": ["high"]})),
    ],
)
def test_people_who_are_excluded_are_exclusions(bodies: tuple[object, ...]) -> None:
    assert verdict(*bodies) == EXCLUSIONS


@pytest.mark.parametrize(
    "bodies",
    [
        (WITHOUT_APP,),
        (MODERN,),
        (sent(users={"includeUsers": ["u"]}),),
        (sent(users={"includeUsers": [], "includeRoles": ["r"]}),),
        (sent(applications={"includeApplications": ["Office365"]}),),
        (sent(applications={"applicationFilter": {"mode": "exclude", "rule": "x"}}),),
        (sent(applications={"applicationFilter": {"mode": "include", "rule": "x"}}),),
        (filtered("exclude", "x"), filtered("include", "y")),
        (sent(conditions={"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}}),),
        (sent(grant={"builtInControls": ["mfa", "compliantDevice"]}),),
        (WITHOUT_APP, sent("App", applications={"includeApplications": ["app"]}, users={"excludeUsers": ["u"]})),
        (sent(users={"includeUsers": ["u"]}), sent("Report", users={"includeUsers": ["v"]}, state=REPORT)),
    ],
)
def test_mfa_of_somebody_or_sometimes_is_partial(bodies: tuple[object, ...]) -> None:
    assert verdict(*bodies) == PARTIAL


@pytest.mark.parametrize(
    "bodies",
    [
        (),
        (blocks(),),
        (blocks(state=REPORT),),
        (sent(state="disabled"),),
        (sent(grant={"builtInControls": ["compliantDevice"]}),),
        (sent(grant={"builtInControls": ["passwordChange"]}),),
        (sent(grant=STRENGTH),),
        (sent() | {"grantControls": None},),
        (sent(users={"includeUsers": ["None"]}),),
    ],
)
def test_policies_that_require_mfa_of_nobody_are_none(bodies: tuple[object, ...]) -> None:
    assert verdict(*bodies) == NONE


@pytest.mark.parametrize(
    "bodies",
    [
        (sent(state=REPORT),),
        (blocks(), sent(state=REPORT)),
        (sent(users={"includeUsers": ["u"]}), sent("All", state=REPORT)),
        (sent(users={"includeUsers": ["u"]}, state=REPORT),),
    ],
)
def test_mfa_in_report_only_mode_is_named_as_such(bodies: tuple[object, ...]) -> None:
    assert verdict(*bodies) == REPORTING


def test_an_external_method_is_not_verified() -> None:
    assert verdict(sent(grant={"builtInControls": [], "customAuthenticationFactors": ["duo"]})) == EXTERNAL


def test_security_defaults_and_a_missing_licence_have_codes_of_their_own() -> None:
    defaults = decide(Protection(security_defaults=True), TOLERATED)
    unlicensed = decide(Protection(licensed=False), TOLERATED)

    assert (defaults.status.value, defaults.reason_code) == ("ok", "BASELINE_SECURITY_DEFAULTS")
    assert (unlicensed.status.value, unlicensed.reason_code) == ("fail", "SECURITY_DEFAULTS_NEEDED")


def test_a_near_miss_is_told_with_its_policy_and_gap() -> None:
    result = decide(protection(sent("Everybody", applications={"excludeApplications": ["app"]})), TOLERATED)

    assert "“Everybody”" in result.message
    assert "application app is excluded" in result.message
    assert result.payload["policies"][0]["gaps"] == ["application app is excluded"]


def test_what_is_tolerated_is_named_in_the_evidence() -> None:
    users: dict[str, Any] = {"excludeUsers": ["emergency"], "excludeRoles": [SYNC_ROLE]}
    result = decide(protection(sent(users=users)), TOLERATED)

    assert result.payload["policies"][0]["tolerated_exclusions"] == [f"role {SYNC_ROLE}", "user emergency"]


BROKEN = sent("Broken") | {"conditions": None}


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((sent(), BROKEN), OK),
        ((blocks(), BROKEN), ("unknown", "DATA_INCOMPLETE")),
        ((WITHOUT_USER, BROKEN), ("unknown", "DATA_INCOMPLETE")),
        ((sent("New", state="somethingNew"),), ("unknown", "GRAPH_RESPONSE_INVALID")),
        ((sent(), 7), OK),
    ],
)
def test_an_odd_policy_matters_only_if_decisive(bodies: tuple[object, ...], expected: tuple[str, str]) -> None:
    result = decide(protection(*bodies), TOLERATED)

    assert (result.status.value, result.reason_code) == expected
    assert len(result.payload["not_judged"]) == 1
