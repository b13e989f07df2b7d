"""Emergency access: which accounts every policy leaves out."""

from typing import Any

import pytest

from task_runner.checks.identity.emergency_access import decide
from task_runner.checks.identity.emergency_accounts import EmergencyAccount
from task_runner.checks.identity.protection import Protection
from tests.support.policies import REPORT, blocks, guests, protection, sent

USER = EmergencyAccount(id="user", kind="user", usable=True)
IN_GROUP = EmergencyAccount(id="user", kind="user", usable=True, groups=frozenset({"group"}))
GROUP = EmergencyAccount(id="group", kind="group", usable=True, members=frozenset({"user"}))
GONE = EmergencyAccount(id="gone", kind="missing", usable=False)
DISABLED = EmergencyAccount(id="disabled", kind="user", usable=False)

FREE = sent(users={"excludeUsers": ["user"]})
FREE_TOO = blocks(users={"excludeUsers": ["user", "other"]})
GROUP_FREE = blocks(users={"excludeGroups": ["group"]})
REPORTING = sent("Report", state=REPORT)
GUESTS_ONLY = sent("Guests", users={"includeUsers": ["GuestsOrExternalUsers"]})
ONE_KIND = sent("Kind", users={"includeUsers": [], "includeGuestsOrExternalUsers": guests("internalGuest")})
APPLICATIONS_ONLY = sent("Workloads", conditions={"clientApplications": {"includeServicePrincipals": ["x"]}})
USER_ACTION = sent("Action", applications={"includeApplications": [], "includeUserActions": ["urn:user:x"]})
SESSION_ONLY = sent("Session") | {"grantControls": None}
PILOT = sent("Pilot", users={"includeUsers": ["somebody"]}, grant={"builtInControls": ["compliantDevice"]})
PASSKEY: dict[str, Any] = {
    "builtInControls": [],
    "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004", "requirementsSatisfied": "mfa"},
}
DEDICATED = sent("Passkey", users={"includeUsers": ["user"]}, grant=PASSKEY)
DEDICATED_GROUP = sent("Passkey", users={"includeUsers": [], "includeGroups": ["group"]}, grant=PASSKEY)

OK = ("ok", "BREAKGLASS_OK")
NOT_EXCLUDED = ("fail", "BREAKGLASS_NOT_EXCLUDED")
MISSING = ("fail", "BREAKGLASS_MISSING")
GUESSED = ("warn", "BREAKGLASS_GUESSED")
NO_POLICY = ("warn", "BREAKGLASS_NO_POLICY")
UNUSABLE = ("fail", "BREAKGLASS_UNUSABLE")


@pytest.mark.parametrize(
    ("accounts", "bodies", "expected"),
    [
        ((USER,), (FREE,), OK),
        ((USER,), (FREE, FREE_TOO, REPORTING), OK),
        ((IN_GROUP,), (FREE, GROUP_FREE), OK),
        ((GROUP,), (GROUP_FREE,), OK),
        ((GROUP,), (GROUP_FREE, PILOT), OK),
        ((GROUP,), (GROUP_FREE, sent("One", users={"includeUsers": ["user"]})), NOT_EXCLUDED),
        ((USER,), (FREE, GUESTS_ONLY, ONE_KIND, APPLICATIONS_ONLY, USER_ACTION, SESSION_ONLY), OK),
        ((USER,), (FREE, PILOT), OK),
        ((USER,), (FREE, DEDICATED), OK),
        ((IN_GROUP,), (FREE, DEDICATED_GROUP), OK),
        ((GROUP,), (GROUP_FREE, DEDICATED_GROUP), OK),
        ((USER,), (FREE, sent("All", grant=PASSKEY)), NOT_EXCLUDED),
        ((USER,), (FREE, DEDICATED_GROUP), NOT_EXCLUDED),
        ((USER,), (FREE, sent("One", users={"includeUsers": ["user"]})), NOT_EXCLUDED),
        ((USER,), (FREE, sent("X", users={"includeUsers": [], "includeGroups": ["x"]})), NOT_EXCLUDED),
        ((USER,), (FREE, sent("X", users={"includeUsers": [], "includeRoles": ["x"]})), NOT_EXCLUDED),
        ((USER,), (FREE, blocks()), NOT_EXCLUDED),
        ((USER,), (FREE, GROUP_FREE), NOT_EXCLUDED),
        ((USER, GROUP), (FREE,), NOT_EXCLUDED),
        ((GONE,), (FREE,), UNUSABLE),
        ((USER, DISABLED), (FREE,), UNUSABLE),
        ((GONE,), (), UNUSABLE),
        ((USER,), (), NO_POLICY),
        ((), (), NO_POLICY),
        ((), (REPORTING, APPLICATIONS_ONLY, SESSION_ONLY), NO_POLICY),
        ((), (FREE, FREE_TOO), GUESSED),
        ((), (GROUP_FREE,), GUESSED),
        ((), (FREE, GUESTS_ONLY), GUESSED),
        ((), (FREE, PILOT), GUESSED),
        ((), (GROUP_FREE, PILOT), GUESSED),
        ((), (FREE, blocks()), MISSING),
        ((), (FREE, GROUP_FREE), MISSING),
        ((), (sent(),), MISSING),
    ],
)
def test_emergency_access(
    accounts: tuple[EmergencyAccount, ...], bodies: tuple[object, ...], expected: tuple[str, str]
) -> None:
    result = decide(accounts, protection(*bodies))

    assert (result.status.value, result.reason_code) == expected


def test_without_a_licence_the_check_does_not_apply() -> None:
    result = decide((USER,), Protection(licensed=False))

    assert (result.status.value, result.reason_code) == ("unknown", "NOT_LICENSED")
    assert result.payload["applicable"] is False


@pytest.mark.parametrize(("bodies", "status"), [((FREE,), "unknown"), ((blocks(),), "fail")])
def test_a_policy_that_cannot_be_judged_could_reach_the_account(bodies: tuple[object, ...], status: str) -> None:
    result = decide((USER,), protection(*bodies, sent("New", state="somethingNew")))

    assert result.status.value == status


def test_the_evidence_names_the_policies_that_reach_an_account() -> None:
    payload = decide((USER,), protection(FREE, blocks(), DEDICATED)).payload

    assert payload == {
        "enabled_policy_count": 3,
        "accounts": [
            {
                "id": "user",
                "kind": "user",
                "usable": True,
                "not_excluded_from": [{"id": "legacy", "name": "Legacy"}],
                "dedicated_policies": [{"id": "passkey", "name": "Passkey"}],
            }
        ],
        "common_exclusions": [],
    }


def test_the_evidence_names_whom_all_policies_exclude() -> None:
    assert decide((), protection(FREE, FREE_TOO)).payload["common_exclusions"] == ["user"]
