"""MFA of administrators: which policies cover their roles, and what the registration report adds."""

from typing import Any

import pytest

from task_runner.checks.identity.admin_mfa import decide
from task_runner.checks.identity.protection import Protection
from task_runner.checks.identity.registration import Administrator, Registration, Report, registration_of
from task_runner.tasks import CannotTell
from tests.support.policies import REPORT, SYNC_ROLE, TOLERATED, blocks, guests, protection, sent

ROLES = {"Global Administrator": "ga", "User Administrator": "ua"}
READY = Registration(administrators=(Administrator(id="a", registered=True), Administrator(id="b", registered=True)))
NOT_READY = Registration(
    administrators=(Administrator(id="a", registered=True), Administrator(id="b", registered=False))
)
UNREAD = CannotTell("NOT_LICENSED", "No licence.", {"applicable": False})

OK = ("ok", "ADMIN_MFA_ENFORCED")
EXCLUSIONS = ("warn", "ADMIN_MFA_EXCLUSIONS")
MISSING = ("fail", "ADMIN_MFA_MISSING")
PARTIAL = ("fail", "ADMIN_MFA_PARTIAL")
REPORTING = ("warn", "ADMIN_MFA_REPORT_ONLY")


def for_roles(*roles: str, name: str = "Roles", **fields: Any) -> dict[str, Any]:
    return sent(name, users={"includeUsers": [], "includeRoles": list(roles)}, **fields)


BOTH = for_roles("ga", "ua", "other")
FIRST, SECOND = for_roles("ga", name="First"), for_roles("ua", name="Second")
WITHOUT_GROUP = sent(users={"excludeGroups": ["helpdesk"]})
EXTERNAL = {"builtInControls": [], "customAuthenticationFactors": ["duo"]}


def verdict(bodies: tuple[object, ...], report: Report = READY) -> tuple[str, str]:
    result = decide(protection(*bodies), report, TOLERATED, ROLES)
    return result.status.value, result.reason_code


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((sent(),), OK),
        ((BOTH,), OK),
        ((FIRST, SECOND), OK),
        ((sent(users={"excludeRoles": [SYNC_ROLE]}),), OK),
        ((sent(users={"excludeUsers": ["emergency"]}),), OK),
        ((sent(users={"excludeGroups": ["emergency"]}),), OK),
        ((sent(users={"excludeGuestsOrExternalUsers": guests("serviceProvider")}),), OK),
        ((sent(users={"excludeRoles": ["ua"]}), SECOND), OK),
        ((WITHOUT_GROUP, BOTH), OK),
        ((sent(users={"excludeUsers": ["x"]}), sent("User", users={"includeUsers": ["x"]})), OK),
        ((sent(clients=("browser", "mobileAppsAndDesktopClients")), blocks()), OK),
        ((sent(users={"excludeUsers": ["x"]}),), EXCLUSIONS),
        ((sent(users={"excludeUsers": ["emergency", "x"]}),), EXCLUSIONS),
        ((WITHOUT_GROUP,), EXCLUSIONS),
        ((sent(users={"excludeRoles": ["reader"]}),), EXCLUSIONS),
        ((sent(users={"excludeGuestsOrExternalUsers": guests("internalGuest")}),), EXCLUSIONS),
        ((WITHOUT_GROUP, FIRST), EXCLUSIONS),
        ((sent(state=REPORT),), REPORTING),
        ((FIRST, sent(state=REPORT)), REPORTING),
        ((FIRST, for_roles("ua", name="Second", state=REPORT)), REPORTING),
        ((FIRST,), MISSING),
        ((sent(users={"excludeRoles": ["ga"]}),), MISSING),
        ((sent(users={"includeUsers": ["x"]}),), MISSING),
        ((blocks(),), MISSING),
        ((), MISSING),
        ((sent(applications={"includeApplications": ["Office365"]}),), PARTIAL),
        ((sent(applications={"excludeApplications": ["app"]}),), PARTIAL),
        ((sent(clients=("browser",)),), PARTIAL),
        ((sent(conditions={"locations": {"includeLocations": ["x"], "excludeLocations": []}}),), PARTIAL),
        ((sent(grant={"builtInControls": ["mfa", "compliantDevice"]}),), PARTIAL),
        ((sent(grant=EXTERNAL),), ("warn", "ADMIN_MFA_EXTERNAL")),
    ],
)
def test_policies_for_administrators(bodies: tuple[object, ...], expected: tuple[str, str]) -> None:
    assert verdict(bodies) == expected


@pytest.mark.parametrize(
    ("bodies", "report", "expected"),
    [
        ((sent(),), NOT_READY, ("warn", "ADMIN_MFA_UNREGISTERED")),
        ((sent(),), UNREAD, ("unknown", "NOT_LICENSED")),
        ((WITHOUT_GROUP,), UNREAD, EXCLUSIONS),
        ((sent(state=REPORT),), UNREAD, REPORTING),
        ((sent(state=REPORT),), NOT_READY, REPORTING),
        ((), UNREAD, MISSING),
    ],
)
def test_enforcement_is_ok_only_with_a_registration_report(
    bodies: tuple[object, ...], report: Report, expected: tuple[str, str]
) -> None:
    assert verdict(bodies, report) == expected


@pytest.mark.parametrize(
    ("excluded", "status", "named"), [(["a"], "warn", ["a"]), (["A", "B"], "fail", ["a", "b"]), (["x"], "warn", [])]
)
def test_excluded_users_are_compared_with_the_administrators(
    excluded: list[str], status: str, named: list[str]
) -> None:
    result = decide(protection(sent(users={"excludeUsers": excluded})), READY, TOLERATED, ROLES)

    assert (result.status.value, result.reason_code) == (status, "ADMIN_MFA_EXCLUSIONS")
    assert result.payload["excluded_administrators"] == named


def test_security_defaults_protect_administrators_with_a_message() -> None:
    result = decide(Protection(security_defaults=True), None, TOLERATED, ROLES)

    assert (result.status.value, result.reason_code) == OK
    assert "Security defaults are enabled" in result.message
    assert result.payload["registration_read"] is False


def test_without_a_licence_security_defaults_are_needed() -> None:
    result = decide(Protection(licensed=False), None, TOLERATED, ROLES)

    assert (result.status.value, result.reason_code) == ("fail", "SECURITY_DEFAULTS_NEEDED")


def test_an_unreadable_report_is_noted_in_the_evidence() -> None:
    payload = decide(protection(sent()), UNREAD, TOLERATED, ROLES).payload

    assert (payload["registration_read"], payload["registration_reason"]) == (False, "NOT_LICENSED")
    assert payload["applicable"] is False
    assert "administrator_ids" not in payload


def test_the_evidence_lists_administrator_ids_and_uncovered_roles() -> None:
    payload = decide(protection(FIRST), NOT_READY, TOLERATED, ROLES).payload

    assert (payload["administrator_ids"], payload["unregistered_ids"]) == (["a", "b"], ["b"])
    assert payload["roles_not_covered"] == ["User Administrator"]


def test_a_near_miss_is_told_with_its_policy_and_gap() -> None:
    policy = sent("Everybody", applications={"excludeApplications": ["app"]})
    result = decide(protection(policy), READY, TOLERATED, ROLES)

    assert "“Everybody”" in result.message
    assert "application app is excluded" in result.message
    assert result.payload["role_gaps"] == {name: ["application app is excluded"] for name in ROLES}


@pytest.mark.parametrize(
    ("body", "expected"),
    [(sent(), "for all administrators,"), (BOTH, "for the 2 administrator roles that Microsoft names,")],
)
def test_ok_names_the_administrators_who_were_looked_at(body: dict[str, Any], expected: str) -> None:
    assert expected in decide(protection(body), READY, TOLERATED, ROLES).message


def entry(user: str, **fields: Any) -> dict[str, Any]:
    usual = {"userType": "member", "userDisplayName": user, "userPrincipalName": f"{user}@contoso.example"}
    return {"id": user, "isAdmin": True, "isMfaCapable": True, **usual, **fields}


def test_guests_and_machine_accounts_are_no_unregistered_administrators() -> None:
    registration = registration_of(
        [
            entry("A"),
            entry("b", isMfaCapable=False),
            entry("c", isMfaCapable=False, userType="guest"),
            entry("d", isMfaCapable=False, userPrincipalName="Sync_DC01_0a1b2c3d4e5f@contoso.onmicrosoft.com"),
            entry("e", isMfaCapable=False, userDisplayName="On-Premises Directory Synchronization Service Account"),
            entry("f", isAdmin=False),
        ]
    )

    assert [(user.id, user.registered) for user in registration.administrators] == [
        ("a", True),
        ("b", False),
        ("e", False),
    ]
    assert (registration.guests, registration.machine_accounts) == (("c",), ("d",))


@pytest.mark.parametrize("items", [[], [entry("d", isAdmin=False)]])
def test_a_report_without_any_administrator_is_incomplete(items: list[object]) -> None:
    with pytest.raises(CannotTell) as caught:
        registration_of(items)

    assert caught.value.reason_code == "DATA_INCOMPLETE"


@pytest.mark.parametrize("field", ["isAdmin", "isMfaCapable", "id"])
@pytest.mark.parametrize(("other", "expected"), [(entry("b"), "unknown"), (entry("b", isMfaCapable=False), "warn")])
def test_an_entry_that_cannot_be_judged_could_be_an_unregistered_administrator(
    field: str, other: dict[str, Any], expected: str
) -> None:
    spoiled = {name: value for name, value in entry("a").items() if name != field}
    result = decide(protection(sent()), registration_of([spoiled, other]), TOLERATED, ROLES)

    assert result.status.value == expected
    assert len(result.payload["not_judged"]) == 1
