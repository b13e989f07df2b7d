"""The approval of an invitation by a customer."""

from microsoft_emulator.tenants import Tenants


def approve(tenants: Tenants, relationship_id: str, customer: str) -> str | None:
    """Approve a relationship as the administrator of a tenant; returns the reason if that is not possible."""
    relationship, tenant = tenants.relationship(relationship_id), tenants.of(customer)
    if relationship is None:
        return "There is no such relationship."
    if tenant is None:
        return "The tenant is not a GUID."
    if relationship.status != "approvalPending":
        return f"The relationship cannot be approved: its status is {relationship.status}."
    if relationship.customer not in (None, tenant.guid):
        return "The relationship is for another tenant."
    relationship.approve(tenant.guid, tenants.partner.control.activation_delay_seconds)
    return None
