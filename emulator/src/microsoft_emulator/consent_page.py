"""The page on which an administrator of a tenant accepts what an application requires, and its redirects."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response

from microsoft_emulator import html
from microsoft_emulator.applications import Application
from microsoft_emulator.behaviour import ConsentShape
from microsoft_emulator.tenants import Tenant, Tenants

ANY_TENANT = "organizations"
DECLINED = "AADSTS65004: The user declined to consent to access the application."


class ConsentLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to the page. ``named`` is the tenant in it, ``tenant`` None if any tenant may accept."""

    named: str
    version: int
    client_id: str
    application: Application
    tenant: Tenant | None
    redirect_uri: str
    scope: str
    state: str | None

    @property
    def subject(self) -> str:
        """A text that names this link, and no other."""
        parts = (self.named, str(self.version), self.client_id, self.redirect_uri, self.scope, self.state or "")
        return "\n".join(parts)

    @property
    def permissions(self) -> list[str]:
        """The permissions that the page shows."""
        roles = [f"{name} (application)" for name in self.application.app_roles]
        return [*roles, *(f"{name} (delegated)" for name in self.application.required_scopes)]


def read(tenants: Tenants, named: str, version: int, query: Mapping[str, str]) -> ConsentLink | Response[Any]:
    """The link of a request, or the page with the reason why it cannot be used."""
    tenant = tenants.named(named)
    if tenant is None and (named != ANY_TENANT or query.get("client_id") is None):
        if named == "common" and version == 2:
            return html.error_page("90133", "The tenant 'common' is not supported for admin consent.")
        return html.error_page("90002", f"The tenant {named} was not found.")
    client_id, scope = query.get("client_id", ""), query.get("scope", "")
    if not client_id:
        return html.error_page("900144", "The request must contain the parameter 'client_id'.")
    application = tenants.applications.of(client_id, tenant.guid) if tenant else tenants.applications.get(client_id)
    if application is None:
        return html.error_page("700016", f"The application {client_id} was not found in the directory {named}.")
    if version == 2 and not scope:
        return html.error_page("900144", "The request must contain the parameter 'scope'.")
    if version == 2 and not scope.endswith("/.default"):
        return html.error_page("70011", "The scope must end in '/.default': application permissions have no other.")
    first = application.redirect_uris[0] if application.redirect_uris else ""
    redirect_uri = query.get("redirect_uri", first)
    if not redirect_uri:
        return html.error_page("900971", "The application has no redirect URI.")
    if redirect_uri not in application.redirect_uris:
        return html.error_page("50011", "The redirect URI is not among those of the application.")
    return ConsentLink(
        named=named,
        version=version,
        client_id=client_id,
        application=application,
        tenant=tenant,
        redirect_uri=redirect_uri,
        scope=scope,
        state=query.get("state"),
    )


def show(consent: ConsentLink) -> Response[Any]:
    """The page itself."""
    tenant = consent.tenant.guid if consent.tenant else None
    who = f"the tenant {tenant}" if tenant else "your tenant"
    return html.page(
        "Permissions requested",
        html.paragraph(f"The application {consent.application.display_name} asks for access to {who}:"),
        html.listed(consent.permissions),
        html.paragraph("Accept as an administrator, for the whole organization."),
        html.form(consent.subject, [("accept", "Accept"), ("cancel", "Cancel")], html.tenant_field(tenant)),
    )


def decide(tenants: Tenants, consent: ConsentLink, form: Mapping[str, str]) -> Response[Any]:
    """Do what the form says, and redirect to the application."""
    if not html.is_valid(consent.subject, form.get("token", "")):
        return html.page("We cannot continue", html.paragraph("The form does not belong to this page."), status=403)
    if form.get("decision") != "accept":
        return _redirect(consent, _declined(consent))
    tenant = consent.tenant or tenants.of(form.get("tenant", ""))
    if tenant is None:
        return html.error_page("90002", "The tenant was not found.")
    if not consent.application.usable_in(tenant.guid):
        return html.error_page("700016", f"The application was not found in the directory {tenant.guid}.")
    shape = ConsentShape(scopes=consent.application.required_scopes)
    tenant.consent(consent.client_id, consent.application, shape, tenant.visible_later())
    answer = {"admin_consent": "True", "tenant": tenant.guid}
    return _redirect(consent, answer | ({"scope": consent.scope} if consent.version == 2 else {}))


def _declined(consent: ConsentLink) -> dict[str, str]:
    if consent.version == 1:
        return {"error": "permission_denied", "error_description": DECLINED}
    return {"error": "consent_required", "error_description": DECLINED, "admin_consent": "True"}


def _redirect(consent: ConsentLink, answer: dict[str, str]) -> Response[Any]:
    query = answer if consent.state is None else {**answer, "state": consent.state}
    joint = "&" if "?" in consent.redirect_uri else "?"
    return Response(None, status_code=302, headers={"Location": f"{consent.redirect_uri}{joint}{urlencode(query)}"})
