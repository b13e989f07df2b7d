"""The relationship with a customer that counts, and its verdict."""

from datetime import UTC, datetime, timedelta

import pytest

from task_runner.checks.gdap.reading import relationship_from, relationships_of
from task_runner.checks.gdap.relationship import decide
from task_runner.checks.gdap.relationships import CustomerRelationships, Relationship, settled_for
from task_runner.providers.fields import Fields
from task_runner.tasks import CannotTell, Result, Wait

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


def relationship(
    status: str = "active",
    *,
    name: str = "Managed services",
    created: timedelta = timedelta(days=40),
    activated: timedelta | None = timedelta(days=39),
    ends: timedelta | None = timedelta(days=700),
    auto_extend: str = "PT0S",
    roles: tuple[str, ...] = (),
    reseller_pending: bool = False,
) -> Relationship:
    """Ages before, and time left after, the moment of judgement."""
    return Relationship(
        id=f"id of {name}",
        name=name,
        status=status,
        created=NOW - created,
        activated=None if activated is None else NOW - activated,
        ends=None if ends is None else NOW + ends,
        auto_extend=auto_extend,
        roles=roles,
        reseller_pending=reseller_pending,
    )


def judge(*relationships: Relationship) -> Result:
    return decide(CustomerRelationships(customer="customer", relationships=relationships, at=NOW))


BODY = {
    "id": "r",
    "displayName": "Managed services",
    "customer": {"tenantId": "CUSTOMER"},
    "accessDetails": {"unifiedRoles": []},
    "status": "active",
    "autoExtendDuration": "P180D",
    "createdDateTime": "2026-10-01T00:00:00Z",
    "activatedDateTime": "2026-10-02T00:00:00Z",
    "endDateTime": "2028-10-02T00:00:00Z",
}


def read(*bodies: object) -> CustomerRelationships:
    relationships, not_judged = relationships_of(bodies, "customer")
    return CustomerRelationships(customer="customer", relationships=tuple(relationships), at=NOW, not_judged=not_judged)


@pytest.mark.parametrize("field", ["displayName", "autoExtendDuration"])
def test_a_name_and_an_extension_may_be_null(field: str) -> None:
    assert settled_for(read(BODY | {field: None}), decide).status.value == "ok"


@pytest.mark.parametrize("field", ["id", "status", "createdDateTime", "accessDetails", "customer"])
@pytest.mark.parametrize(("others", "expected"), [((BODY,), "ok"), ((), "unknown")])
def test_an_odd_relationship_matters_only_if_decisive(others: tuple[object, ...], expected: str, field: str) -> None:
    spoiled = {name: value for name, value in BODY.items() if name != field}
    result = settled_for(read(spoiled, *others), decide)

    assert result.status.value == expected
    assert len(result.payload["not_judged"]) == 1


def test_an_active_relationship_that_lasts_is_ok() -> None:
    result = judge(relationship())
    assert (result.status.value, result.reason_code) == ("ok", "GDAP_ACTIVE")
    assert result.message == "The relationship “Managed services” is active until 2028-10-26."
    assert result.payload["relationship"]["id"] == "id of Managed services"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ends": timedelta(days=30)}, "GDAP_EXPIRING"),
        ({"ends": timedelta(days=30, seconds=1)}, None),
        ({"ends": timedelta(days=3), "auto_extend": "P180D"}, None),
        ({"ends": timedelta(days=3), "auto_extend": "P0D"}, "GDAP_EXPIRING"),
        ({"ends": timedelta(days=3), "auto_extend": "P365D"}, "GDAP_EXPIRING"),
        ({"ends": timedelta(seconds=0), "auto_extend": "P180D"}, "GDAP_EXPIRING"),
        ({"activated": timedelta(minutes=14, seconds=59)}, "GDAP_RECENTLY_ACTIVATED"),
        ({"activated": timedelta(minutes=15)}, None),
        ({"roles": (GLOBAL_ADMINISTRATOR,)}, "GDAP_HAS_GLOBAL_ADMIN"),
        ({"name": "MLT_12345"}, "GDAP_MLT_READ_ONLY"),
    ],
)
def test_what_somebody_should_look_at_is_a_warning(changes: dict[str, object], reason: str | None) -> None:
    result = judge(relationship(**changes))  # pyrefly: ignore[bad-argument-type]
    expected = ("warn", reason) if reason else ("ok", "GDAP_ACTIVE")
    assert (result.status.value, result.reason_code) == expected


def test_the_most_serious_of_several_listed_warnings_is_the_reason() -> None:
    result = judge(relationship(name="MLT_1", ends=timedelta(days=1), roles=(GLOBAL_ADMINISTRATOR,)))
    assert result.reason_code == "GDAP_MLT_READ_ONLY"
    assert result.payload["warnings"] == ["GDAP_MLT_READ_ONLY", "GDAP_EXPIRING", "GDAP_HAS_GLOBAL_ADMIN"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("expiring", "GDAP_EXPIRED"),
        ("expired", "GDAP_EXPIRED"),
        ("terminated", "GDAP_TERMINATED"),
        ("terminating", "GDAP_TERMINATED"),
        ("terminationRequested", "GDAP_TERMINATED"),
        ("created", "GDAP_MISSING"),
    ],
)
def test_a_relationship_that_gives_no_access_fails(status: str, reason: str) -> None:
    result = judge(relationship(status))
    assert (result.status.value, result.reason_code) == ("fail", reason)


def test_no_relationship_at_all_fails() -> None:
    result = judge()
    assert (result.status.value, result.reason_code) == ("fail", "GDAP_MISSING")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("approvalPending", ("GDAP_APPROVAL_PENDING", 300.0)),
        ("approved", ("GDAP_ACTIVATING", 10.0)),
        ("activating", ("GDAP_ACTIVATING", 10.0)),
    ],
)
def test_a_relationship_on_its_way_is_waited_for(status: str, expected: tuple[str, float]) -> None:
    with pytest.raises(Wait) as waiting:
        judge(relationship(status, activated=None, ends=None))
    assert (waiting.value.reason_code, waiting.value.seconds) == expected
    assert waiting.value.payload["relationship"]["status"] == status


def test_the_approval_of_an_indirect_reseller_is_named_as_such() -> None:
    with pytest.raises(Wait) as waiting:
        judge(relationship("approvalPending", activated=None, ends=None, reseller_pending=True))
    assert waiting.value.reason_code == "GDAP_RESELLER_APPROVAL_PENDING"


def test_an_approval_is_not_awaited_after_three_months() -> None:
    result = judge(relationship("approvalPending", created=timedelta(days=90, seconds=1), activated=None, ends=None))
    assert (result.status.value, result.reason_code) == ("fail", "GDAP_EXPIRED")


def test_a_status_of_the_future_is_unknown() -> None:
    result = judge(relationship("unknownFutureValue"))
    assert (result.status.value, result.reason_code) == ("unknown", "GDAP_STATUS_UNKNOWN")


@pytest.mark.parametrize("field", ["activated", "ends"])
def test_an_active_relationship_without_start_or_end_is_incomplete(field: str) -> None:
    with pytest.raises(CannotTell) as incomplete:
        judge(relationship(**{field: None}))  # pyrefly: ignore[bad-argument-type]
    assert incomplete.value.reason_code == "DATA_INCOMPLETE"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (relationship(ends=timedelta(days=200)), relationship(ends=timedelta(days=100))),
        (relationship(ends=timedelta(days=100)), relationship(name="MLT_1", ends=timedelta(days=200))),
        (relationship(), relationship("approvalPending", ends=None)),
        (relationship("activating"), relationship("approvalPending")),
        (relationship("approvalPending"), relationship("unknownFutureValue")),
        (relationship("unknownFutureValue"), relationship("expiring")),
        (relationship("expiring"), relationship("expired")),
        (relationship("expired", created=timedelta(days=1)), relationship("expired")),
        (relationship("expired"), relationship("terminated")),
    ],
)
def test_the_better_of_two_relationships_counts(first: Relationship, second: Relationship) -> None:
    for order in ((first, second), (second, first)):
        assert CustomerRelationships(customer="customer", relationships=order, at=NOW).best is first


def test_all_relationships_are_listed_in_the_evidence() -> None:
    result = judge(relationship("terminated", name="Old"), relationship(name="New"))
    assert result.payload["relationship"]["name"] == "New"
    assert [relationship["name"] for relationship in result.payload["relationships"]] == ["Old", "New"]


def test_a_relationship_is_read_as_microsoft_documents_it() -> None:
    body = {
        "id": "5d027261-d21f-4aa9-b7db-7fa1f56fb163-8777b240-c6f0-4469-9e98-a3205431b836",
        "displayName": "Contoso admin relationship",
        "customer": None,
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": "DD4DB9A0-cc4a-4213-9f9f-70242232d97e"}]},
        "status": "active",
        "autoExtendDuration": "P180D",
        "createdDateTime": "2022-02-10T11:24:42.3148266Z",
        "activatedDateTime": "2022-02-10T11:26:44.9941884Z",
        "endDateTime": None,
    }
    assert relationship_from(Fields(body, "relationship")) == Relationship(
        id="5d027261-d21f-4aa9-b7db-7fa1f56fb163-8777b240-c6f0-4469-9e98-a3205431b836",
        name="Contoso admin relationship",
        status="active",
        created=datetime(2022, 2, 10, 11, 24, 42, 314826, tzinfo=UTC),
        activated=datetime(2022, 2, 10, 11, 26, 44, 994188, tzinfo=UTC),
        ends=None,
        auto_extend="P180D",
        roles=("dd4db9a0-cc4a-4213-9f9f-70242232d97e",),
    )


def test_a_role_that_another_relationship_gives_for_longer_does_not_expire() -> None:
    lasting = relationship(name="Lasting", roles=("reader",))
    ending = relationship(name="Ending", ends=timedelta(days=3), roles=("reader",))
    assert judge(lasting, ending).reason_code == "GDAP_ACTIVE"


def test_a_role_that_only_an_ending_relationship_gives_expires() -> None:
    lasting = relationship(name="Lasting", roles=("reader",))
    ending = relationship(name="Ending", ends=timedelta(days=3), roles=("reader", "writer"))
    assert judge(lasting, ending).reason_code == "GDAP_EXPIRING"
