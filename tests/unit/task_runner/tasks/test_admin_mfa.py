"""MFA of administrators: which policies cover their roles, and what the registration report adds."""

import pytest

from task_runner.checks.identity.admin_mfa import Administrator, Registration, administrators, decide
from task_runner.checks.identity.policies import AccessPolicy
from task_runner.providers.fields import Fields
from task_runner.tasks import CannotTell
from tests.support.policies import LEGACY, MFA, REPORT, changed, reaching

ROLES = {"Global Administrator": "ga", "User Administrator": "ua"}
READY = (Administrator(id="a", registered=True), Administrator(id="b", registered=True))
NOT_READY = (Administrator(id="a", registered=True), Administrator(id="b", registered=False))
UNREAD = CannotTell("NOT_LICENSED", "No licence.", {"applicable": False})

BOTH_ROLES = reaching(MFA, include_users="", include_roles="ga ua other")
ONE_ROLE = reaching(MFA, include_users="", include_roles="ga")
OTHER_ROLE = reaching(MFA, include_users="", include_roles="ua")
REPORTING = changed(MFA, state=REPORT)


def verdict(policies: tuple[AccessPolicy, ...], registration: Registration = READY) -> tuple[str, str]:
    result = decide(False, policies, registration, frozenset({"emergency"}), ROLES)
    return result.status.value, result.reason_code


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ((MFA,), ("ok", "ADMIN_MFA_ENFORCED")),
        ((BOTH_ROLES,), ("ok", "ADMIN_MFA_ENFORCED")),
        ((ONE_ROLE, OTHER_ROLE), ("ok", "ADMIN_MFA_ENFORCED")),
        ((reaching(MFA, exclude_roles="directory-sync"),), ("ok", "ADMIN_MFA_ENFORCED")),
        ((reaching(MFA, exclude_users="a b c d"),), ("ok", "ADMIN_MFA_ENFORCED")),
        ((reaching(MFA, exclude_users="a b c d emergency"),), ("ok", "ADMIN_MFA_ENFORCED")),
        ((reaching(MFA, exclude_groups="emergency"),), ("ok", "ADMIN_MFA_ENFORCED")),
        ((reaching(MFA, exclude_roles="ua"), OTHER_ROLE), ("ok", "ADMIN_MFA_ENFORCED")),
        ((reaching(MFA, exclude_groups="helpdesk"), BOTH_ROLES), ("ok", "ADMIN_MFA_ENFORCED")),
        ((reaching(MFA, exclude_users="a b c d e"),), ("warn", "ADMIN_MFA_EXCLUSIONS")),
        ((reaching(MFA, exclude_groups="helpdesk"),), ("warn", "ADMIN_MFA_EXCLUSIONS")),
        ((reaching(MFA, guests_excluded=True),), ("warn", "ADMIN_MFA_EXCLUSIONS")),
        ((reaching(MFA, exclude_groups="helpdesk"), ONE_ROLE), ("warn", "ADMIN_MFA_EXCLUSIONS")),
        ((REPORTING,), ("warn", "ADMIN_MFA_REPORT_ONLY")),
        ((ONE_ROLE, REPORTING), ("warn", "ADMIN_MFA_REPORT_ONLY")),
        ((ONE_ROLE, changed(OTHER_ROLE, state=REPORT)), ("warn", "ADMIN_MFA_REPORT_ONLY")),
        ((ONE_ROLE,), ("fail", "ADMIN_MFA_MISSING")),
        ((reaching(MFA, exclude_roles="ga"),), ("fail", "ADMIN_MFA_MISSING")),
        ((reaching(MFA, include_users="somebody"),), ("fail", "ADMIN_MFA_MISSING")),
        ((changed(MFA, all_applications=False),), ("fail", "ADMIN_MFA_MISSING")),
        ((changed(MFA, applications_excluded=True),), ("fail", "ADMIN_MFA_MISSING")),
        ((changed(MFA, client_types=frozenset({"browser"})),), ("fail", "ADMIN_MFA_MISSING")),
        ((changed(MFA, narrowing=("only under the condition locations",)),), ("fail", "ADMIN_MFA_MISSING")),
        ((LEGACY,), ("fail", "ADMIN_MFA_MISSING")),
        ((), ("fail", "ADMIN_MFA_MISSING")),
    ],
)
def test_policies_for_administrators(policies: tuple[AccessPolicy, ...], expected: tuple[str, str]) -> None:
    assert verdict(policies) == expected


@pytest.mark.parametrize(
    ("policies", "registration", "expected"),
    [
        ((MFA,), NOT_READY, ("warn", "ADMIN_MFA_UNREGISTERED")),
        ((MFA,), UNREAD, ("unknown", "NOT_LICENSED")),
        ((reaching(MFA, exclude_groups="helpdesk"),), UNREAD, ("warn", "ADMIN_MFA_EXCLUSIONS")),
        ((REPORTING,), UNREAD, ("warn", "ADMIN_MFA_REPORT_ONLY")),
        ((REPORTING,), NOT_READY, ("warn", "ADMIN_MFA_REPORT_ONLY")),
        ((), UNREAD, ("fail", "ADMIN_MFA_MISSING")),
    ],
)
def test_enforcement_is_ok_only_with_a_registration_report(
    policies: tuple[AccessPolicy, ...], registration: Registration, expected: tuple[str, str]
) -> None:
    assert verdict(policies, registration) == expected


def test_security_defaults_protect_administrators_with_a_message() -> None:
    result = decide(True, (), (), frozenset(), ROLES)

    assert (result.status.value, result.reason_code) == ("ok", "ADMIN_MFA_ENFORCED")
    assert "Security defaults are enabled" in result.message
    assert result.payload["registration_read"] is False


def test_an_unreadable_report_is_noted_in_the_evidence() -> None:
    payload = decide(False, (MFA,), UNREAD, frozenset(), ROLES).payload

    assert (payload["registration_read"], payload["registration_reason"]) == (False, "NOT_LICENSED")
    assert payload["applicable"] is False
    assert "administrator_ids" not in payload


def test_the_evidence_lists_administrator_ids_and_uncovered_roles() -> None:
    payload = decide(False, (ONE_ROLE,), NOT_READY, frozenset(), ROLES).payload

    assert (payload["administrator_ids"], payload["unregistered_ids"]) == (["a", "b"], ["b"])
    assert payload["roles_not_covered"] == ["User Administrator"]
    assert payload["policies"][0]["roles_covered"] == ["ga"]


def detail(user: str, *, admin: bool = True, registered: bool = True, capable: bool = True) -> Fields:
    body = {"id": user, "isAdmin": admin, "isMfaRegistered": registered, "isMfaCapable": capable}
    return Fields(body, "userRegistrationDetails[0]")


def test_an_administrator_has_registered_with_a_method_that_is_allowed() -> None:
    accounts = administrators(
        (detail("a"), detail("b", registered=False), detail("c", capable=False), detail("d", admin=False))
    )

    assert [(account.id, account.registered) for account in accounts] == [("a", True), ("b", False), ("c", False)]


def test_a_report_without_any_administrator_is_incomplete() -> None:
    with pytest.raises(CannotTell) as caught:
        administrators((detail("d", admin=False),))

    assert caught.value.reason_code == "DATA_INCOMPLETE"
