"""Legacy authentication: which policies block it together, and what their exclusions mean."""

import pytest

from task_runner.checks.identity.legacy_auth import decide
from task_runner.checks.identity.protection import Protection
from tests.support.policies import LEGACY_CLIENTS, REPORT, SYNC_ROLE, TOLERATED, blocks, guests, protection, sent

WITH_EXCLUSION = blocks("Exclusion", users={"excludeUsers": ["u"]})
EAS, OTHER = blocks("EAS", clients=LEGACY_CLIENTS[:1]), blocks("Other", clients=LEGACY_CLIENTS[1:])


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((blocks(),), ("ok", "LEGACY_BLOCKED")),
        ((blocks(clients=("all",)),), ("ok", "LEGACY_BLOCKED")),
        ((EAS, OTHER), ("ok", "LEGACY_BLOCKED")),
        ((sent(), blocks("Report", state=REPORT), WITH_EXCLUSION, blocks()), ("ok", "LEGACY_BLOCKED")),
        ((blocks(users={"excludeUsers": ["emergency"]}),), ("ok", "LEGACY_BLOCKED")),
        ((blocks(users={"excludeGroups": ["emergency"]}),), ("ok", "LEGACY_BLOCKED")),
        ((blocks(users={"excludeRoles": [SYNC_ROLE]}),), ("ok", "LEGACY_BLOCKED")),
        ((WITH_EXCLUSION, blocks("User", users={"includeUsers": ["u"]})), ("ok", "LEGACY_BLOCKED")),
        ((WITH_EXCLUSION,), ("warn", "LEGACY_EXCLUSIONS")),
        ((blocks(users={"excludeUsers": ["emergency", "u"]}),), ("warn", "LEGACY_EXCLUSIONS")),
        ((blocks(users={"excludeGroups": ["printers"]}),), ("warn", "LEGACY_EXCLUSIONS")),
        ((blocks(users={"excludeRoles": ["r"]}),), ("warn", "LEGACY_EXCLUSIONS")),
        ((blocks(users={"excludeGuestsOrExternalUsers": guests("internalGuest")}),), ("warn", "LEGACY_EXCLUSIONS")),
        ((blocks(applications={"excludeApplications": ["a"]}),), ("warn", "LEGACY_EXCLUSIONS")),
        ((blocks("Report", state=REPORT), WITH_EXCLUSION), ("warn", "LEGACY_EXCLUSIONS")),
        (
            (EAS, blocks("Other", clients=LEGACY_CLIENTS[1:], users={"excludeUsers": ["u"]})),
            ("warn", "LEGACY_EXCLUSIONS"),
        ),
        ((blocks(state=REPORT),), ("warn", "LEGACY_REPORT_ONLY")),
        ((EAS, blocks("Other", clients=LEGACY_CLIENTS[1:], state=REPORT)), ("warn", "LEGACY_REPORT_ONLY")),
        ((blocks(users={"includeUsers": ["u"]}),), ("fail", "LEGACY_PARTIAL")),
        ((blocks(applications={"includeApplications": ["Office365"]}),), ("fail", "LEGACY_PARTIAL")),
        ((OTHER,), ("fail", "LEGACY_PARTIAL")),
        ((EAS,), ("fail", "LEGACY_PARTIAL")),
        ((blocks(conditions={"signInRiskLevels": ["high"]}),), ("fail", "LEGACY_PARTIAL")),
        ((sent(),), ("fail", "LEGACY_NOT_BLOCKED")),
        ((blocks(clients=("browser",)),), ("fail", "LEGACY_NOT_BLOCKED")),
        ((sent(clients=LEGACY_CLIENTS),), ("fail", "LEGACY_NOT_BLOCKED")),
        ((), ("fail", "LEGACY_NOT_BLOCKED")),
    ],
)
def test_legacy_authentication(bodies: tuple[object, ...], expected: tuple[str, str]) -> None:
    result = decide(protection(*bodies), TOLERATED)

    assert (result.status.value, result.reason_code) == expected


def test_security_defaults_block_legacy_authentication_with_a_message() -> None:
    result = decide(Protection(security_defaults=True), TOLERATED)

    assert (result.status.value, result.reason_code) == ("ok", "LEGACY_BLOCKED")
    assert "Security defaults are enabled" in result.message


def test_the_evidence_names_everything_that_is_left_out() -> None:
    users = {"excludeUsers": ["u", "emergency"], "excludeGroups": ["g"], "excludeRoles": ["r"]}
    policy = blocks(users=users, applications={"excludeApplications": ["a"]})

    (shown,) = decide(protection(policy), TOLERATED).payload["blocking_policies"]

    assert shown == {
        "id": "legacy",
        "name": "Legacy",
        "enforced": True,
        "gaps": ["group g is excluded", "role r is excluded", "user u is excluded", "application a is excluded"],
        "tolerated_exclusions": ["user emergency"],
    }


def test_a_partial_block_is_told_with_its_policy_and_gap() -> None:
    result = decide(protection(OTHER), TOLERATED)

    assert "“Other”: not for the client type exchangeactivesync" in result.message


@pytest.mark.parametrize(
    ("bodies", "status"), [((blocks(), {"state": "enabled"}), "ok"), ((EAS, {"state": "enabled"}), "unknown")]
)
def test_an_odd_policy_matters_only_if_it_could_block(bodies: tuple[object, ...], status: str) -> None:
    assert decide(protection(*bodies), TOLERATED).status.value == status
