"""Emergency access: which accounts every policy leaves out."""

import pytest

from task_runner.checks.identity.emergency_access import decide
from task_runner.checks.identity.emergency_accounts import EmergencyAccount
from task_runner.checks.identity.policies import AccessPolicy
from tests.support.policies import LEGACY, MFA, REPORT, changed, reaching

USER = EmergencyAccount(id="user", kind="user", usable=True)
IN_GROUP = EmergencyAccount(id="user", kind="user", usable=True, groups=frozenset({"group"}))
GROUP = EmergencyAccount(id="group", kind="group", usable=True, members=frozenset({"user"}))
GONE = EmergencyAccount(id="gone", kind="missing", usable=False)
DISABLED = EmergencyAccount(id="disabled", kind="user", usable=False)

FREE = reaching(MFA, exclude_users="user")
FREE_TOO = reaching(LEGACY, exclude_users="user other")
GROUP_FREE = reaching(LEGACY, exclude_groups="group")
REPORTING = changed(MFA, state=REPORT)
GUESTS_ONLY = reaching(MFA, include_users="guestsorexternalusers")
APPLICATIONS_ONLY = reaching(LEGACY, include_users="none")


@pytest.mark.parametrize(
    ("accounts", "policies", "expected"),
    [
        ((USER,), (FREE,), ("ok", "BREAKGLASS_OK")),
        ((USER,), (FREE, FREE_TOO, REPORTING), ("ok", "BREAKGLASS_OK")),
        ((IN_GROUP,), (FREE, GROUP_FREE), ("ok", "BREAKGLASS_OK")),
        ((GROUP,), (GROUP_FREE,), ("ok", "BREAKGLASS_OK")),
        ((GROUP,), (GROUP_FREE, reaching(MFA, include_users="somebody")), ("ok", "BREAKGLASS_OK")),
        ((GROUP,), (GROUP_FREE, reaching(MFA, include_users="user")), ("fail", "BREAKGLASS_NOT_EXCLUDED")),
        ((USER,), (FREE, GUESTS_ONLY, APPLICATIONS_ONLY), ("ok", "BREAKGLASS_OK")),
        ((USER,), (FREE, reaching(MFA, include_users="somebody")), ("ok", "BREAKGLASS_OK")),
        ((USER,), (FREE, reaching(MFA, include_users="user")), ("fail", "BREAKGLASS_NOT_EXCLUDED")),
        ((USER,), (FREE, reaching(MFA, include_users="", include_groups="x")), ("fail", "BREAKGLASS_NOT_EXCLUDED")),
        ((USER,), (FREE, reaching(MFA, include_users="", include_roles="x")), ("fail", "BREAKGLASS_NOT_EXCLUDED")),
        ((USER,), (FREE, LEGACY), ("fail", "BREAKGLASS_NOT_EXCLUDED")),
        ((USER,), (FREE, GROUP_FREE), ("fail", "BREAKGLASS_NOT_EXCLUDED")),
        ((USER, GROUP), (FREE,), ("fail", "BREAKGLASS_NOT_EXCLUDED")),
        ((GONE,), (FREE,), ("fail", "BREAKGLASS_MISSING")),
        ((USER, DISABLED), (FREE,), ("fail", "BREAKGLASS_MISSING")),
        ((GONE,), (), ("fail", "BREAKGLASS_MISSING")),
        ((USER,), (), ("warn", "BREAKGLASS_GUESSED")),
        ((), (), ("warn", "BREAKGLASS_GUESSED")),
        ((), (REPORTING, APPLICATIONS_ONLY), ("warn", "BREAKGLASS_GUESSED")),
        ((), (FREE, FREE_TOO), ("warn", "BREAKGLASS_GUESSED")),
        ((), (GROUP_FREE,), ("warn", "BREAKGLASS_GUESSED")),
        ((), (FREE, GUESTS_ONLY), ("warn", "BREAKGLASS_GUESSED")),
        ((), (FREE, LEGACY), ("fail", "BREAKGLASS_MISSING")),
        ((), (FREE, GROUP_FREE), ("fail", "BREAKGLASS_MISSING")),
        ((), (MFA,), ("fail", "BREAKGLASS_MISSING")),
    ],
)
def test_emergency_access(
    accounts: tuple[EmergencyAccount, ...], policies: tuple[AccessPolicy, ...], expected: tuple[str, str]
) -> None:
    result = decide(accounts, policies)

    assert (result.status.value, result.reason_code) == expected


def test_the_evidence_names_the_policies_that_reach_an_account() -> None:
    payload = decide((USER,), (FREE, LEGACY)).payload

    assert payload == {
        "enabled_policy_count": 2,
        "accounts": [
            {
                "id": "user",
                "kind": "user",
                "usable": True,
                "not_excluded_from": [{"id": "legacy", "name": "Legacy"}],
            }
        ],
        "common_exclusions": [],
    }


def test_the_evidence_names_whom_all_policies_exclude() -> None:
    assert decide((), (FREE, FREE_TOO)).payload["common_exclusions"] == ["user"]
