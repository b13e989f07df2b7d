"""The token endpoint: verifies the application and its consent, and issues a token with its permissions."""

from collections.abc import Mapping
from typing import Any

from litestar import Response

from microsoft_emulator import client_authentication, code_grants, tokens
from microsoft_emulator.applications import Applications
from microsoft_emulator.assertions import Refused
from microsoft_emulator.replies import reply
from microsoft_emulator.tenants import Tenant, Tenants
from microsoft_emulator.token_errors import refusal

REFUSED = "The request was refused."
FOR_USERS = {"authorization_code": code_grants.redeem_code, "refresh_token": code_grants.refresh}
"""The grants for tokens of people."""


def respond(
    tenants: Tenants, applications: Applications, named: str, form: Mapping[str, str], token_url: str
) -> Response[Any]:
    """Respond to a token request for the tenant with this id or domain."""
    tenant = tenants.named(named)
    if tenant is None:
        return refusal(*_no_tenant(named))
    grant, client_id, scope = form.get("grant_type"), form.get("client_id", ""), form.get("scope", "")
    if grant not in ("client_credentials", *FOR_USERS):
        return refusal("70003", "The grant type is not supported.")
    if not client_id:
        return refusal("900144", "The request body must contain 'client_id'.")
    if grant not in FOR_USERS and not scope.endswith("/.default"):
        return refusal("1002012", f"The scope {scope} does not end in '/.default'.")
    if tenant.control.token_error:
        return refusal(tenant.control.token_error, REFUSED)
    application = applications.of(client_id, tenant.guid)
    if application is None:
        return refusal("700016", f"The application {client_id} was not found in the directory {tenant.guid}.")
    if grant in FOR_USERS:
        fault = client_authentication.problem_for_user(applications, application, form, token_url)
        return refusal(*fault) if fault is not None else FOR_USERS[grant](tenants, tenant, form)
    problem = client_authentication.problem(applications, application, form, token_url)
    problem = problem or _service_principal(tenant, client_id)
    if problem is not None:
        return refusal(*problem)
    return _issued(tenant, client_id, scope.removesuffix("/.default"))


def _no_tenant(named: str) -> Refused:
    if "." in named:
        return "90002", f"The tenant {named} was not found."
    return "900023", f"The tenant identifier {named} is neither a GUID nor a domain name."


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
