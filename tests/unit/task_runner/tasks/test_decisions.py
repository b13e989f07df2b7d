"""The rules of the checks as pure functions: each reason code with the values that lead to it."""

from typing import Any

import pytest

from task_runner.checks import connectivity as graph_connectivity
from task_runner.checks import licences as license_inventory
from task_runner.checks.connectivity import Organization
from task_runner.checks.consent import app_consent
from task_runner.checks.consent import grants as consent
from task_runner.checks.consent.grants import Consent
from task_runner.checks.identity import global_admins as identity_global_admins
from task_runner.checks.identity.global_admins import GlobalAdministrator
from task_runner.checks.licences import Sku
from task_runner.checks.lists import AppManifest, LicencePlans
from task_runner.providers.graph_errors import GraphRefused
from task_runner.tasks import Result

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
PLANS = LicencePlans(source="", premium_p1="p1", premium_p2="p2")
MANIFEST = AppManifest(
    source="", version="1", resource_app_id="graph", app_roles={"A.Read": "role-a", "B.Read": "role-b"}
)


def verdict(result: Result) -> tuple[str, str]:
    return result.status.value, result.reason_code


def organization(tenant: str = TENANT) -> Organization:
    return Organization(id=tenant, display_name="Contoso", verified_domains=("contoso.example",))


@pytest.mark.parametrize(
    ("tenant", "users", "expected"),
    [
        (TENANT, 1, ("ok", "GRAPH_OK")),
        (TENANT.upper(), 1, ("ok", "GRAPH_OK")),
        (TENANT, 0, ("warn", "GRAPH_EMPTY_TENANT")),
        (TENANT, None, ("unknown", "DATA_INCOMPLETE")),
        ("bbbbbbbb-0000-4000-8000-000000000001", 5, ("fail", "GRAPH_TENANT_MISMATCH")),
    ],
)
def test_connectivity(tenant: str, users: int | None, expected: tuple[str, str]) -> None:
    assert verdict(graph_connectivity.decide(TENANT, organization(tenant), users)) == expected


def sku(status: str = "Enabled", enabled: int = 10, consumed: int = 1, plans: tuple[str, ...] = ()) -> Sku:
    return Sku(part_number="PART", capability_status=status, enabled=enabled, consumed=consumed, plans=frozenset(plans))


@pytest.mark.parametrize(
    ("skus", "expected"),
    [
        ((sku(plans=("p1", "p2")),), ("ok", "LICENSE_P2")),
        ((sku(plans=("p1",)), sku()), ("ok", "LICENSE_P1")),
        ((sku(plans=("mail",)),), ("warn", "LICENSE_FREE")),
        ((sku(), sku("Suspended", plans=("p2",))), ("warn", "LICENSE_SUSPENDED")),
        ((sku(), sku("Warning", plans=("p1",))), ("warn", "LICENSE_SUSPENDED")),
        ((sku(enabled=1, consumed=2, plans=("p2",)),), ("warn", "LICENSE_OVERUSED")),
        ((sku(enabled=2, consumed=2, plans=("p2",)),), ("ok", "LICENSE_P2")),
        ((), ("fail", "LICENSE_NONE")),
        ((sku("Suspended", plans=("p2",)),), ("fail", "LICENSE_NONE")),
        ((sku("Whatever", plans=("p2",)),), ("fail", "LICENSE_NONE")),
    ],
)
def test_licences(skus: tuple[Sku, ...], expected: tuple[str, str]) -> None:
    assert verdict(license_inventory.decide(PLANS, skus)) == expected


def granted(*roles: str, enabled: bool = True, other: tuple[str, ...] = ()) -> Consent:
    return Consent(principal_id="sp", enabled=enabled, granted=frozenset(roles), other=frozenset(other))


@pytest.mark.parametrize(
    ("granted_consent", "expected"),
    [
        (granted("role-a", "role-b"), ("ok", "CONSENT_OK")),
        (granted("role-a", "role-b", "role-c"), ("warn", "CONSENT_EXCESS")),
        (granted("role-a", "role-b", other=("delegated User.Read on graph",)), ("warn", "CONSENT_EXCESS")),
        (granted("role-a"), ("fail", "CONSENT_PERMISSIONS_MISSING")),
        (granted("role-a", "role-c"), ("fail", "CONSENT_PERMISSIONS_MISSING")),
        (granted("role-a", "role-b", enabled=False), ("fail", "CONSENT_MISSING")),
        (None, ("fail", "CONSENT_MISSING")),
    ],
)
def test_consent(granted_consent: Consent | None, expected: tuple[str, str]) -> None:
    assert verdict(consent.decide(MANIFEST, granted_consent)) == expected


def test_consent_evidence_names_what_is_granted_missing_and_extra() -> None:
    payload = consent.decide(MANIFEST, granted("role-a", "role-c")).payload

    assert (payload["granted"], payload["missing"], payload["extra"]) == (["A.Read"], ["B.Read"], ["role-c"])


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (frozenset({"A.Read"}), ("fail", "CONSENT_PERMISSIONS_MISSING")),
        (frozenset[str](), ("fail", "CONSENT_PERMISSIONS_MISSING")),
        (None, ("fail", "CONSENT_PERMISSIONS_MISSING")),
        (frozenset({"A.Read", "B.Read"}), ("unknown", "GRAPH_FORBIDDEN")),
    ],
)
def test_consent_is_read_from_the_token_without_grants(roles: frozenset[str] | None, expected: tuple[str, str]) -> None:
    refused = GraphRefused("GRAPH_FORBIDDEN", "No.", 403, "Authorization_RequestDenied")

    assert verdict(app_consent.decide_by_token(MANIFEST, roles, refused)) == expected


def admin(number: int, **replaced: Any) -> GlobalAdministrator:
    fields = {"id": f"u{number}", "active": True, "eligible": False, "via_group": False, "synchronized": False}
    return GlobalAdministrator(**{**fields, **replaced})


def admins(count: int) -> tuple[GlobalAdministrator, ...]:
    return tuple(admin(number) for number in range(count))


@pytest.mark.parametrize(
    ("users", "applications", "expected"),
    [
        (admins(0), (), ("fail", "GA_TOO_FEW")),
        (admins(1), (), ("fail", "GA_TOO_FEW")),
        (admins(1), ("app1", "app2"), ("fail", "GA_TOO_FEW")),
        (admins(2), (), ("ok", "GA_OK")),
        (admins(4), (), ("ok", "GA_OK")),
        (admins(5), (), ("warn", "GA_HIGH")),
        (admins(4), ("app1",), ("warn", "GA_HIGH")),
        (admins(8), (), ("warn", "GA_HIGH")),
        (admins(9), (), ("fail", "GA_TOO_MANY")),
        (admins(8), ("app1",), ("fail", "GA_TOO_MANY")),
        ((admin(1), admin(2, synchronized=True)), (), ("warn", "GA_SYNCED")),
        ((*admins(8), admin(9, synchronized=True)), (), ("fail", "GA_TOO_MANY")),
    ],
)
def test_global_administrators(
    users: tuple[GlobalAdministrator, ...], applications: tuple[str, ...], expected: tuple[str, str]
) -> None:
    assert verdict(identity_global_admins.decide(users, applications, privileged_identity=True)) == expected
