"""The directory of a tenant, derived from its GUID: organization, users and licences."""

from typing import Any

from microsoft_emulator.behaviour import Behaviour, Fixture
from microsoft_emulator.tenants import Tenant

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
GUEST, FORMER = "Gerda Guest", "Former Employee"
GUEST_ADMINISTRATOR, DISABLED_ADMINISTRATOR = "Guest Administrator", "Disabled Administrator"
DELETED_ADMINISTRATOR = "Deleted Administrator"
SYNC_ACCOUNT = "On-Premises Directory Synchronization Service Account"
_GUESTS = (GUEST, GUEST_ADMINISTRATOR)
_DISABLED = (FORMER, DISABLED_ADMINISTRATOR)
_ADDITIONAL = {
    Fixture.GUEST: GUEST_ADMINISTRATOR,
    Fixture.DISABLED: DISABLED_ADMINISTRATOR,
    Fixture.SYNC_ACCOUNT: SYNC_ACCOUNT,
}


def organization(tenant: Tenant) -> list[dict[str, Any]]:
    """The organization object; a wrong-tenant one has the id of another tenant."""
    wrong = tenant.control.behaviour is Behaviour.WRONG_TENANT
    domain = {"name": tenant.domain, "type": "Managed", "isDefault": True, "isInitial": True, "capabilities": "Email"}
    return [
        {
            "id": tenant.id_of("another tenant") if wrong else tenant.guid,
            "displayName": f"Contoso {tenant.guid[:4].upper()}",
            "tenantType": "AAD",
            "verifiedDomains": [domain],
        }
    ]


def names(tenant: Tenant) -> tuple[str, ...]:
    """The names of all users."""
    additional = (name for fixture, name in _ADDITIONAL.items() if tenant.control.has(fixture))
    return (*PEOPLE, EMERGENCY, GUEST, FORMER, *additional)


def is_guest(name: str) -> bool:
    """True for a user of another organization."""
    return name in _GUESTS


def is_enabled(name: str) -> bool:
    """True if the user can sign in."""
    return name not in _DISABLED


def principal_name(tenant: Tenant, name: str) -> str:
    """The user principal name; that of a guest names the other organization."""
    account = "Sync_DC01_5f2c9a0b1c2d" if name == SYNC_ACCOUNT else name.lower().replace(" ", ".")
    return f"{account}_example.com#EXT#@{tenant.domain}" if is_guest(name) else f"{account}@{tenant.domain}"


def users(tenant: Tenant) -> list[dict[str, Any]]:
    """The users of the directory; all are cloud-only."""
    return [
        {
            "id": tenant.id_of(f"user/{name}"),
            "displayName": name,
            "userPrincipalName": principal_name(tenant, name),
            "mail": None,
            "accountEnabled": is_enabled(name),
            "onPremisesSyncEnabled": None,
            "onPremisesImmutableId": None,
            "userType": "Guest" if is_guest(name) else "Member",
        }
        for name in names(tenant)
    ]


def subscribed_skus(tenant: Tenant) -> list[dict[str, Any]]:
    """A Microsoft 365 E5 and a free plan that users took themselves; the free one only if the tenant is unlicensed."""
    plans = [(PREMIUM_P1, "AAD_PREMIUM"), (PREMIUM_P2, "AAD_PREMIUM_P2"), (EXCHANGE, "EXCHANGE")]
    paid = _sku(tenant, "SPE_E5", 25, 7, plans, tenant.control.sku_status)
    free = _sku(tenant, "FLOW_FREE", 10_000, 3, [(FLOW_FREE, "FLOW_P2_VIRAL")], "Enabled")
    return [free] if tenant.control.behaviour is Behaviour.UNLICENSED else [paid, free]


def _sku(
    tenant: Tenant, part: str, seats: int, consumed: int, plans: list[tuple[str, str]], status: str
) -> dict[str, Any]:
    units = {"enabled": 0, "suspended": 0, "warning": 0, "lockedOut": 0}
    holding = status[0].lower() + status[1:]
    return {
        "id": f"{tenant.guid}_{tenant.id_of(part)}",
        "skuId": tenant.id_of(part),
        "skuPartNumber": part,
        "capabilityStatus": status,
        "appliesTo": "User",
        "consumedUnits": consumed,
        "prepaidUnits": {**units, holding: seats} if holding in units else units,
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
