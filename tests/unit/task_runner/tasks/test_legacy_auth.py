"""Legacy authentication: which policy blocks it, and what its exclusions mean."""

import pytest

from task_runner.checks.identity.legacy_auth import decide, exclusions
from task_runner.checks.identity.policies import AccessPolicy
from tests.support.policies import LEGACY, MFA, REPORT, changed, reaching

REPORTING = changed(LEGACY, state=REPORT)
WITH_EXCLUSION = reaching(LEGACY, exclude_users="somebody")


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ((LEGACY,), ("ok", "LEGACY_BLOCKED")),
        ((MFA, REPORTING, WITH_EXCLUSION, LEGACY), ("ok", "LEGACY_BLOCKED")),
        ((reaching(LEGACY, exclude_users="emergency"),), ("ok", "LEGACY_BLOCKED")),
        ((reaching(LEGACY, exclude_groups="emergency"),), ("ok", "LEGACY_BLOCKED")),
        ((WITH_EXCLUSION,), ("warn", "LEGACY_EXCLUSIONS")),
        ((reaching(LEGACY, exclude_users="emergency somebody"),), ("warn", "LEGACY_EXCLUSIONS")),
        ((reaching(LEGACY, exclude_groups="printers"),), ("warn", "LEGACY_EXCLUSIONS")),
        ((reaching(LEGACY, exclude_roles="directory-sync"),), ("warn", "LEGACY_EXCLUSIONS")),
        ((reaching(LEGACY, guests_excluded=True),), ("warn", "LEGACY_EXCLUSIONS")),
        ((changed(LEGACY, applications_excluded=True),), ("warn", "LEGACY_EXCLUSIONS")),
        ((REPORTING, WITH_EXCLUSION), ("warn", "LEGACY_EXCLUSIONS")),
        ((REPORTING,), ("warn", "LEGACY_REPORT_ONLY")),
        ((MFA,), ("fail", "LEGACY_NOT_BLOCKED")),
        ((), ("fail", "LEGACY_NOT_BLOCKED")),
        ((reaching(LEGACY, include_users="somebody"),), ("fail", "LEGACY_NOT_BLOCKED")),
        ((changed(LEGACY, all_applications=False),), ("fail", "LEGACY_NOT_BLOCKED")),
        ((changed(LEGACY, client_types=frozenset({"other"})),), ("fail", "LEGACY_NOT_BLOCKED")),
        ((changed(LEGACY, client_types=frozenset({"exchangeActiveSync"})),), ("fail", "LEGACY_NOT_BLOCKED")),
        ((changed(LEGACY, narrowing=("only under the condition locations",)),), ("fail", "LEGACY_NOT_BLOCKED")),
        ((changed(LEGACY, blocks=False),), ("fail", "LEGACY_NOT_BLOCKED")),
    ],
)
def test_legacy_authentication(policies: tuple[AccessPolicy, ...], expected: tuple[str, str]) -> None:
    result = decide(False, policies, frozenset({"emergency"}))

    assert (result.status.value, result.reason_code) == expected


def test_security_defaults_block_legacy_authentication_with_a_message() -> None:
    result = decide(True, (), frozenset())

    assert (result.status.value, result.reason_code) == ("ok", "LEGACY_BLOCKED")
    assert "Security defaults are enabled" in result.message


def test_the_evidence_names_everything_that_is_left_out() -> None:
    policy = changed(
        reaching(LEGACY, exclude_users="u emergency", exclude_groups="g", exclude_roles="r", guests_excluded=True),
        applications_excluded=True,
    )
    expected = ("user u", "group g", "role r", "guests", "applications")

    assert exclusions(policy, frozenset({"emergency"})) == expected
    (shown,) = decide(False, (policy,), frozenset({"emergency"})).payload["blocking_policies"]
    assert shown == {"id": "legacy", "name": "Legacy", "state": "enabled", "exclusions": list(expected)}
