"""The roles of a relationship, and the groups that they are mapped to."""

from datetime import UTC, datetime, timedelta

import pytest

from task_runner.checks.gdap import group_mapping as mapping
from task_runner.checks.gdap import roles
from task_runner.checks.gdap.group_mapping import Assignment, Members, judged
from task_runner.checks.gdap.relationships import CustomerRelationships, Relationship
from task_runner.checks.lists import GdapRoles
from task_runner.tasks import Result, Wait

NOW = datetime(2026, 11, 26, tzinfo=UTC)
EXPECTED = GdapRoles(
    source="",
    version="7",
    group_prefix="M365 GDAP",
    required={"User Administrator": "users", "Teams Administrator": "teams"},
    optional={"Global Reader": "reader"},
)


def partner_relationships(*granted: str, status: str = "active") -> CustomerRelationships:
    relationship = Relationship(
        id="relationship",
        name="Managed services",
        status=status,
        created=NOW,
        activated=NOW,
        ends=NOW + timedelta(days=700),
        auto_extend="P180D",
        roles=granted,
    )
    return CustomerRelationships(customer="customer", relationships=(relationship,), at=NOW)


def decision_of(result: Result) -> tuple[str, str]:
    return result.status.value, result.reason_code


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        (("reader", "teams", "users"), ("ok", "GDAP_ROLES_OK")),
        (("other", "reader", "teams", "users"), ("ok", "GDAP_ROLES_OK")),
        (("teams", "users"), ("warn", "GDAP_OPTIONAL_ROLES_MISSING")),
        (("reader", "teams"), ("fail", "GDAP_REQUIRED_ROLES_MISSING")),
        ((), ("fail", "GDAP_REQUIRED_ROLES_MISSING")),
    ],
)
def test_the_roles_of_the_relationship_are_compared(granted: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert decision_of(roles.decide(EXPECTED, partner_relationships(*granted))) == expected


def test_the_evidence_lists_expected_granted_and_missing_roles() -> None:
    payload = roles.decide(EXPECTED, partner_relationships("other", "teams")).payload
    assert payload["expected"] == {"version": "7", "required": EXPECTED.required, "optional": EXPECTED.optional}
    assert payload["granted"] == ["other", "teams"]
    assert payload["missing"] == {"required": {"User Administrator": "users"}, "optional": {"Global Reader": "reader"}}
    assert payload["extra"] == ["other"]


def test_without_a_relationship_in_force_there_are_no_roles() -> None:
    assert decision_of(roles.decide(EXPECTED, partner_relationships("users", status="terminated"))) == (
        "fail",
        "GDAP_TERMINATED",
    )
    with pytest.raises(Wait):
        roles.decide(EXPECTED, partner_relationships("users", status="activating"))


GROUPS = {"g-users": "M365 GDAP User Administrator", "g-teams": "m365 gdap teams administrator", "g-else": "Else"}


def assignment(group: str, *granted: str, status: str = "active", kind: str = "securityGroup") -> Assignment:
    return Assignment(id=f"of {group}", etag=None, status=status, kind=kind, group_id=group, roles=granted)


MEMBERS = Members(by_group={group: frozenset({"somebody"}) for group in GROUPS})
USERS, TEAMS = assignment("g-users", "users"), assignment("g-teams", "teams")


def mapped(*assignments: Assignment, granted: tuple[str, ...] = ("teams", "users")) -> Result:
    return decide_with(MEMBERS, *assignments, granted=granted)


def decide_with(members: Members, *assignments: Assignment, granted: tuple[str, ...] = ("teams", "users")) -> Result:
    return mapping.decide(EXPECTED, partner_relationships(*granted), judged(EXPECTED, assignments, GROUPS), members)


def test_mappings_that_are_active_to_groups_that_exist_are_ok() -> None:
    assert decision_of(mapped(USERS, TEAMS)) == ("ok", "MAPPING_OK")


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        (assignment("gone", "reader"), ("fail", "GROUP_MISSING")),
        (assignment("gone", "unlisted"), ("fail", "GROUP_MISSING")),
        (assignment("gone", "users"), ("warn", "GROUP_ID_STALE")),
        (assignment("gone", "reader", "teams"), ("warn", "GROUP_ID_STALE")),
        (assignment("gone", "users", status="pending"), ("warn", "GROUP_ID_STALE")),
        (assignment("g-else", "reader", status="error"), ("fail", "MAPPING_ERROR")),
        (assignment("g-else", "reader", status="unknownFutureValue"), ("unknown", "GDAP_STATUS_UNKNOWN")),
        (assignment("g-else", "reader", kind="unknownFutureValue"), ("unknown", "GDAP_STATUS_UNKNOWN")),
        (assignment("gone", "reader", status="deleting"), ("ok", "MAPPING_OK")),
        (assignment("gone", "reader", status="deleted"), ("ok", "MAPPING_OK")),
    ],
)
def test_one_bad_mapping_beside_good_ones_counts(third: Assignment, expected: tuple[str, str]) -> None:
    for order in ((USERS, TEAMS, third), (third, USERS, TEAMS)):
        assert decision_of(mapped(*order)) == expected


@pytest.mark.parametrize("assignments", [(), (assignment("g-users", "users", status="deleted"),)])
def test_no_mapping_at_all_fails(assignments: tuple[Assignment, ...]) -> None:
    assert decision_of(mapped(*assignments)) == ("fail", "MAPPING_NONE")


def test_a_pending_mapping_is_waited_for() -> None:
    with pytest.raises(Wait) as waiting:
        mapped(USERS, assignment("g-teams", "teams", status="pending"))
    assert (waiting.value.reason_code, waiting.value.seconds) == ("MAPPING_PENDING", 60.0)


def test_nothing_is_waited_for_beside_a_group_that_is_missing() -> None:
    pending = assignment("g-teams", "teams", status="pending")
    assert decision_of(mapped(pending, assignment("gone", "unlisted"))) == ("fail", "GROUP_MISSING")


def test_a_required_role_that_nobody_got_is_a_warning() -> None:
    result = mapped(USERS)
    assert decision_of(result) == ("warn", "MAPPING_PARTIAL")
    assert result.payload["unmapped_required_roles"] == ["Teams Administrator"]


def test_a_role_outside_the_relationship_needs_no_mapping() -> None:
    assert decision_of(mapped(USERS, granted=("users",))) == ("ok", "MAPPING_OK")


def test_the_evidence_of_a_stale_mapping_names_its_group() -> None:
    (listed, *_) = mapped(assignment("gone", "users"), TEAMS).payload["mappings"]
    assert (listed["group_id"], listed["group_name"], listed["present_group_id"]) == ("gone", None, "g-users")


def test_a_mapped_group_without_members_is_a_warning() -> None:
    members = Members(by_group={"g-users": frozenset(), "g-teams": frozenset({"somebody"})})
    assert decision_of(decide_with(members, USERS, TEAMS)) == ("warn", "GROUP_EMPTY")


def test_mapped_groups_without_any_member_fail() -> None:
    members = Members(by_group={"g-users": frozenset(), "g-teams": frozenset()})
    assert decision_of(decide_with(members, USERS, TEAMS)) == ("fail", "MAPPING_NO_MEMBERS")


@pytest.mark.parametrize(
    ("in_teams", "expected"), [(True, ("ok", "MAPPING_OK")), (False, ("fail", "SERVICE_ACCOUNT_NOT_MAPPED"))]
)
def test_the_service_account_must_have_every_required_role(in_teams: bool, expected: tuple[str, str]) -> None:
    teams = frozenset({"robot"}) if in_teams else frozenset({"somebody"})
    members = Members(by_group={"g-users": frozenset({"robot"}), "g-teams": teams}, service_account="robot")
    assert decision_of(decide_with(members, USERS, TEAMS)) == expected


def test_roles_of_all_active_relationships_count_together() -> None:
    first, second = (partner_relationships("users"), partner_relationships("teams", "reader"))
    relationships = (*first.relationships, *second.relationships)
    together = CustomerRelationships(customer="customer", relationships=relationships, at=NOW)
    assert decision_of(roles.decide(EXPECTED, together)) == ("ok", "GDAP_ROLES_OK")


def test_global_administrator_contains_every_role() -> None:
    relationships = partner_relationships("62e90394-69f5-4237-9190-012177145e10")
    assert decision_of(roles.decide(EXPECTED, relationships)) == ("ok", "GDAP_ROLES_OK")
