"""The token endpoint: verifies the application and its consent, and issues a token with its permissions."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from litestar import Response

from microsoft_emulator import tokens
from microsoft_emulator.applications import Application, Applications
from microsoft_emulator.assertions import ASSERTION_TYPE, Refused
from microsoft_emulator.assertions import refused as refused_assertion
from microsoft_emulator.replies import reply
from microsoft_emulator.tenants import Tenant, Tenants
from microsoft_emulator.token_errors import refusal

REFUSED = "The request was refused."


def respond(
    tenants: Tenants, applications: Applications, named: str, form: Mapping[str, str], token_url: str
) -> Response[Any]:
    """Respond to a token request for the tenant with this id or domain."""
    tenant = tenants.named(named)
    if tenant is None:
        return refusal(*_no_tenant(named))
    if form.get("grant_type") != "client_credentials":
        return refusal("70003", "The grant type is not supported.")
    client_id, scope = form.get("client_id", ""), form.get("scope", "")
    if not client_id:
        return refusal("900144", "The request body must contain 'client_id'.")
    if not scope.endswith("/.default"):
        return refusal("1002012", f"The scope {scope} does not end in '/.default'.")
    if tenant.control.token_error:
        return refusal(tenant.control.token_error, REFUSED)
    application = applications.of(client_id, tenant.guid)
    if application is None:
        return refusal("700016", f"The application {client_id} was not found in the directory {tenant.guid}.")
    problem = _credential(applications, application, form, token_url) or _service_principal(tenant, client_id)
    if problem is not None:
        return refusal(*problem)
    return _issued(tenant, client_id, scope.removesuffix("/.default"))


def _no_tenant(named: str) -> Refused:
    if "." in named:
        return "90002", f"The tenant {named} was not found."
    return "900023", f"The tenant identifier {named} is neither a GUID nor a domain name."


def _credential(
    applications: Applications, application: Application, form: Mapping[str, str], token_url: str
) -> Refused | None:
    if assertion := form.get("client_assertion"):
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return "9002313", f"'client_assertion_type' must be {ASSERTION_TYPE}."
        return refused_assertion(applications, application, form["client_id"], assertion, token_url)
    if secret := form.get("client_secret"):
        return _secret(application, secret)
    return "7000216", "The request must contain 'client_assertion' or 'client_secret'."


def _secret(application: Application, sent: str) -> Refused | None:
    for secret in application.secrets:
        if hmac.compare_digest(secret.value.encode(), sent.encode()):
            if secret.expires_at is not None and secret.expires_at.astimezone(UTC) <= datetime.now(UTC):
                return "7000222", "The client secret has expired."
            return None
    return "7000215", "The client secret is wrong."


def _service_principal(tenant: Tenant, client_id: str) -> Refused | None:
    principal = tenant.principal_of(client_id)
    if principal is None:
        return "7000229", f"The application {client_id} has no service principal in the tenant {tenant.guid}."
    if not principal.body["accountEnabled"]:
        return "7000112", f"The application {client_id} is disabled."
    return None


def _issued(tenant: Tenant, client_id: str, audience: str) -> Response[Any]:
    lifetime = tenant.control.token_lifetime
    access = tokens.issue(tenant.guid, client_id, tenant.granted_names(client_id), lifetime, audience)
    return reply({"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": access})
