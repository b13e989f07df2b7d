"""The page on which an administrator of a customer approves a relationship."""

from collections.abc import Mapping
from typing import Any

from litestar import Response

from microsoft_emulator import html
from microsoft_emulator.approvals import approve
from microsoft_emulator.gdap_roles import GLOBAL_ADMINISTRATOR, NAMES
from microsoft_emulator.tenants import Tenants


def show(tenants: Tenants, relationship_id: str) -> Response[Any]:
    """The page with the roles that the partner asks for."""
    relationship = tenants.relationship(relationship_id)
    if relationship is None or relationship.status != "approvalPending":
        return html.page("This invitation cannot be approved", status=404 if relationship is None else 409)
    names = {**NAMES, GLOBAL_ADMINISTRATOR: "Global Administrator"}
    roles = [names.get(role, role) for role in relationship.roles]
    return html.page(
        f"Approve {relationship.name}",
        html.paragraph(f"The partner asks for these roles in your tenant, for {relationship.duration}:"),
        html.listed(roles),
        html.form(relationship.id, [("approve", "Approve")], html.tenant_field(relationship.customer)),
    )


def decide(tenants: Tenants, relationship_id: str, form: Mapping[str, str]) -> Response[Any]:
    """Approve the relationship for the tenant in the form."""
    relationship = tenants.relationship(relationship_id)
    if relationship is None or not html.is_valid(relationship.id, form.get("token", "")):
        return html.page("We cannot continue", html.paragraph("The form does not belong to this page."), status=403)
    reason = approve(tenants, relationship_id, relationship.customer or form.get("tenant", ""))
    return html.page("Approved") if reason is None else html.page("Not approved", html.paragraph(reason), status=409)
