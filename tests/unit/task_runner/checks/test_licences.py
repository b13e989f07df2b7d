"""Licences: each state of a subscription and of a service plan has its own meaning."""

from typing import Any

import pytest

from task_runner.checks.licences import decide
from task_runner.checks.lists import LicencePlans
from task_runner.checks.subscriptions import has_plan, skus_of
from task_runner.tasks import Result

PLANS = LicencePlans(
    source="",
    premium_p1="p1",
    premium_p2="p2",
    governance="g",
    self_service_source="",
    self_service=frozenset({"FREE"}),
)


def sku(*plans: str, state: str = "Enabled", plan_state: str = "Success", **fields: Any) -> dict[str, Any]:
    return {
        "skuPartNumber": "PART",
        "capabilityStatus": state,
        "appliesTo": "User",
        "consumedUnits": 1,
        "prepaidUnits": {"enabled": 10, "warning": 0, "suspended": 0, "lockedOut": 0},
        "servicePlans": [{"servicePlanId": plan, "provisioningStatus": plan_state} for plan in plans],
        **fields,
    }


def units(enabled: int | None, warning: int = 0) -> dict[str, Any]:
    return {"prepaidUnits": {"enabled": enabled, "warning": warning, "suspended": 0, "lockedOut": 0}}


def judge(*skus: object) -> Result:
    return decide(PLANS, skus_of(skus))


MAIL = sku("mail")


@pytest.mark.parametrize(
    ("skus", "expected"),
    [
        ((sku("p1", "p2"),), ("ok", "LICENSE_P2")),
        ((sku("P1"), MAIL), ("ok", "LICENSE_P1")),
        ((sku("p1"), sku("p2", state="Warning")), ("warn", "LICENSE_GRACE")),
        ((sku("p1", state="Warning", **units(0, 25), consumedUnits=20),), ("warn", "LICENSE_GRACE")),
        ((sku("p1", state="Warning"), sku("p1")), ("ok", "LICENSE_P1")),
        ((sku("p1", **units(5, 20), consumedUnits=20),), ("ok", "LICENSE_P1")),
        ((MAIL,), ("warn", "LICENSE_FREE")),
        ((MAIL, sku("p2", state="Suspended")), ("warn", "LICENSE_SUSPENDED")),
        ((MAIL, sku("p2", state="LockedOut")), ("warn", "LICENSE_SUSPENDED")),
        ((MAIL, sku("p2", state="Deleted")), ("warn", "LICENSE_FREE")),
        *(
            ((sku("p2", plan_state=state),), ("warn", "LICENSE_NOT_PROVISIONED"))
            for state in ("Disabled", "PendingInput", "PendingActivation", "PendingProvisioning")
        ),
        ((sku("p2", plan_state="Disabled"), sku("p1")), ("ok", "LICENSE_P1")),
        ((sku("p2", **units(1), consumedUnits=2),), ("warn", "LICENSE_OVERUSED")),
        ((sku("p2", **units(2), consumedUnits=2),), ("ok", "LICENSE_P2")),
        ((sku("p2"), sku(**units(0), consumedUnits=5, appliesTo="Company")), ("ok", "LICENSE_P2")),
        ((sku("p2"), sku(**units(0), consumedUnits=5, state="Suspended")), ("ok", "LICENSE_P2")),
        ((sku("p2"), sku(**units(None), consumedUnits=None)), ("ok", "LICENSE_P2")),
        ((), ("fail", "LICENSE_NONE")),
        ((sku("p2", state="Suspended"),), ("fail", "LICENSE_NONE")),
        ((sku(skuPartNumber="FLOW_FREE"), sku(skuPartNumber="power_bi_standard")), ("fail", "LICENSE_NONE")),
        ((sku("p2", skuPartNumber=None),), ("ok", "LICENSE_P2")),
    ],
)
def test_licences(skus: tuple[object, ...], expected: tuple[str, str]) -> None:
    result = judge(*skus)

    assert (result.status.value, result.reason_code) == expected


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in sku("p2").items() if name != field}


@pytest.mark.parametrize(
    ("skus", "expected"),
    [
        ((MAIL, sku("p1", state="Whatever")), "unknown"),
        ((sku("p2"), sku(state="Whatever")), "unknown"),
        ((sku("p2", **units(0)), sku(state="Whatever")), "warn"),
        ((without("consumedUnits"),), "unknown"),
        ((without("servicePlans"), MAIL), "unknown"),
        ((without("capabilityStatus"),), "unknown"),
    ],
)
def test_an_odd_product_matters_only_if_decisive(skus: tuple[object, ...], expected: str) -> None:
    result = judge(*skus)

    assert result.status.value == expected
    assert len(result.payload["not_judged"]) == 1


def test_the_evidence_shows_the_status_of_the_premium_plans() -> None:
    (shown,) = judge(sku("p1", "mail", plan_state="Disabled")).payload["skus"]

    assert (shown["premium_plans"], shown["plan_count"], shown["capability_status"]) == (
        {"p1": "Disabled"},
        2,
        "Enabled",
    )


@pytest.mark.parametrize(("state", "premium"), [("Success", True), ("Disabled", False)])
def test_conditional_access_is_licensed_by_a_provisioned_plan(state: str, premium: bool) -> None:
    plan = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"

    assert has_plan(skus_of([sku(plan, plan_state=state)]).skus, [plan]) is premium
