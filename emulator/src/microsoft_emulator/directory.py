"""The directory of a tenant, derived from its GUID."""

from typing import Any

from microsoft_emulator.behaviour import Behaviour
from microsoft_emulator.tenants import Tenant

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
PREMIUM_P1 = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
PREMIUM_P2 = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
EXCHANGE = "efb87545-963c-4e0d-99df-69c6916d9eb0"
FLOW_FREE = "50e68c76-46c6-4674-81f9-75456511b170"

PEOPLE = (
    "Adele Vance",
    "Alex Wilber",
    "Diego Siciliani",
    "Grady Archie",
    "Isaiah Langer",
    "Megan Bowen",
    "Pradeep Gupta",
)
EMERGENCY = "Emergency Access"
"""The account that every policy excludes, to prevent a lockout."""
ADMINISTRATORS = (EMERGENCY, *PEOPLE[:3])


def organization(tenant: Tenant) -> list[dict[str, Any]]:
    """The organization object; a wrong-tenant one has the id of another tenant."""
    wrong = tenant.control.behaviour is Behaviour.WRONG_TENANT
    domain = domain_of(tenant)
    return [
        {
            "id": tenant.id_of("another tenant") if wrong else tenant.guid,
            "displayName": f"Contoso {tenant.guid[:4].upper()}",
            "tenantType": "AAD",
            "verifiedDomains": [
                {"name": domain, "type": "Managed", "isDefault": True, "isInitial": True, "capabilities": "Email"}
            ],
        }
    ]


def domain_of(tenant: Tenant) -> str:
    """The initial domain of the tenant."""
    return f"contoso{tenant.guid[:8]}.onmicrosoft.com"


def users(tenant: Tenant) -> list[dict[str, Any]]:
    """The users of the directory, all cloud-only."""
    return [
        {
            "id": tenant.id_of(f"user/{name}"),
            "displayName": name,
            "userPrincipalName": f"{name.lower().replace(' ', '.')}@{domain_of(tenant)}",
            "accountEnabled": True,
            "onPremisesSyncEnabled": None,
        }
        for name in (*PEOPLE, EMERGENCY)
    ]


def groups(tenant: Tenant) -> list[dict[str, Any]]:
    """The groups of the directory, without members."""
    return [
        {"id": tenant.id_of(f"group/{name}"), "displayName": name, "securityEnabled": True}
        for name in ("All Employees", "Sales")
    ]


def subscribed_skus(tenant: Tenant) -> list[dict[str, Any]]:
    """A Microsoft 365 E5 and a free plan; none if the tenant is unlicensed."""
    if tenant.control.behaviour is Behaviour.UNLICENSED:
        return []
    return [
        _sku(
            tenant,
            "SPE_E5",
            25,
            7,
            [(PREMIUM_P1, "AAD_PREMIUM"), (PREMIUM_P2, "AAD_PREMIUM_P2"), (EXCHANGE, "EXCHANGE")],
        ),
        _sku(tenant, "FLOW_FREE", 10_000, 3, [(FLOW_FREE, "FLOW_P2_VIRAL")]),
    ]


def _sku(tenant: Tenant, part: str, enabled: int, consumed: int, plans: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": f"{tenant.guid}_{tenant.id_of(part)}",
        "skuId": tenant.id_of(part),
        "skuPartNumber": part,
        "capabilityStatus": "Enabled",
        "appliesTo": "User",
        "consumedUnits": consumed,
        "prepaidUnits": {"enabled": enabled, "suspended": 0, "warning": 0, "lockedOut": 0},
        "servicePlans": [
            {
                "servicePlanId": plan,
                "servicePlanName": name,
                "provisioningStatus": "Success",
                "appliesTo": "User",
            }
            for plan, name in plans
        ],
    }


def active_administrators(tenant: Tenant) -> list[dict[str, Any]]:
    """Active assignments of the Global Administrator role."""
    return [_instance(tenant, name, "active") for name in ADMINISTRATORS[:3]]


def eligible_administrators(tenant: Tenant) -> list[dict[str, Any]]:
    """Eligible assignments of the Global Administrator role."""
    return [_instance(tenant, name, "eligible") for name in ADMINISTRATORS[3:]]


def _instance(tenant: Tenant, name: str, kind: str) -> dict[str, Any]:
    principal = tenant.id_of(f"user/{name}")
    return {
        "id": tenant.id_of(f"{kind}/{name}"),
        "principalId": principal,
        "roleDefinitionId": GLOBAL_ADMINISTRATOR,
        "directoryScopeId": "/",
        "memberType": "Direct",
        "principal": {"@odata.type": "#microsoft.graph.user", "id": principal},
        **({"assignmentType": "Assigned"} if kind == "active" else {}),
    }


def role_members(tenant: Tenant) -> list[dict[str, Any]]:
    """The holders of the Global Administrator role, as directory objects."""
    return [
        {"@odata.type": "#microsoft.graph.user", "id": tenant.id_of(f"user/{name}"), "displayName": name}
        for name in ADMINISTRATORS
    ]
