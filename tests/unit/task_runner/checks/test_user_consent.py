"""Consent of users: which of the assigned policies let users admit applications themselves."""

import pytest

from task_runner.checks.identity.user_consent import decide

LOW = "ManagePermissionGrantsForSelf.microsoft-user-default-low"
LEGACY = "ManagePermissionGrantsForSelf.microsoft-user-default-legacy"
RECOMMENDED = "ManagePermissionGrantsForSelf.microsoft-user-default-recommended"
OWN = "ManagePermissionGrantsForSelf.our-own-policy"
TEAM = "ManagePermissionGrantsForOwnedResource.microsoft-dynamically-managed-permissions-for-team"


@pytest.mark.parametrize(
    ("assigned", "expected"),
    [
        ((), ("ok", "CONSENT_USER_BLOCKED")),
        ((TEAM,), ("ok", "CONSENT_USER_BLOCKED")),
        ((LOW,), ("warn", "CONSENT_USER_LOW_RISK")),
        ((LOW.lower(), TEAM), ("warn", "CONSENT_USER_LOW_RISK")),
        ((LEGACY,), ("fail", "CONSENT_USER_OPEN")),
        ((LEGACY.lower(),), ("fail", "CONSENT_USER_OPEN")),
        ((LEGACY, OWN), ("fail", "CONSENT_USER_OPEN")),
        ((RECOMMENDED,), ("warn", "CONSENT_USER_RECOMMENDED")),
        ((LOW, RECOMMENDED.upper()), ("warn", "CONSENT_USER_RECOMMENDED")),
        ((OWN,), ("warn", "CONSENT_USER_CUSTOM")),
        ((LOW, OWN), ("warn", "CONSENT_USER_CUSTOM")),
        (("ManageSomethingNew.x",), ("unknown", "GRAPH_RESPONSE_INVALID")),
        (("ManageSomethingNew.x", LOW), ("unknown", "GRAPH_RESPONSE_INVALID")),
        (("ManageSomethingNew.x", LEGACY), ("fail", "CONSENT_USER_OPEN")),
        (("",), ("unknown", "GRAPH_RESPONSE_INVALID")),
    ],
)
def test_user_consent(assigned: tuple[str, ...], expected: tuple[str, str]) -> None:
    result = decide(assigned)

    assert (result.status.value, result.reason_code) == expected
    assert result.payload == {"permission_grant_policies_assigned": list(assigned)}
