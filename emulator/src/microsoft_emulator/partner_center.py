"""Partner Center's consent by a partner: delegated permissions of an application in a customer's tenant.

Protocol: https://learn.microsoft.com/partner-center/developer/create-consent. It grants scopes, never app roles.
"""

from typing import Annotated, Any

import msgspec
from litestar import Response

from microsoft_emulator import people, tokens
from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.delegated_access import APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR
from microsoft_emulator.gdap_roles import GLOBAL_ADMINISTRATOR
from microsoft_emulator.ids import PARTNER_TENANT
from microsoft_emulator.principals import Timed, new_grant
from microsoft_emulator.replies import reply
from microsoft_emulator.scopes import FOR_EVERYONE, PARTNER_CENTER
from microsoft_emulator.tenants import Tenant, Tenants

ADMINISTRATORS = frozenset({GLOBAL_ADMINISTRATOR, APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR})
"""The roles in the customer's tenant of which a person of the partner needs one, by delegated administration."""
SCOPES = APP_ROLES.app_roles.keys() | FOR_EVERYONE


class Grant(msgspec.Struct, frozen=True):
    """Scopes on one resource, separated by commas."""

    enterpriseApplicationId: str  # noqa: N815 - the name of the protocol
    scope: str

    @property
    def names(self) -> tuple[str, ...]:
        """The scopes, sorted."""
        return tuple(sorted({name.strip() for name in self.scope.split(",")}))


class Consent(msgspec.Struct, frozen=True):
    """The body of the request. Microsoft asks for one resource per request."""

    applicationId: str  # noqa: N815 - the name of the protocol
    applicationGrants: Annotated[tuple[Grant, ...], msgspec.Meta(min_length=1, max_length=1)]  # noqa: N815 - as above
    displayName: str | None = None  # noqa: N815 - as above


def create(tenants: Tenants, customer_id: str, authorization: str, body: bytes) -> Response[Any]:
    """Grant the scopes for everybody in the customer's tenant; the application appears there if it has to."""
    allowed = _admitted(tenants, customer_id, authorization)
    if isinstance(allowed, Response):
        return allowed
    customer, app_id = allowed
    try:
        consent = msgspec.json.decode(body, type=Consent)
    except msgspec.DecodeError as error:
        return _refused(400, 2000, f"The request is invalid: {error}")
    (grant,) = consent.applicationGrants
    application = tenants.applications.get(app_id)
    if consent.applicationId.lower() != app_id or application is None:
        return _refused(403, 3000, "The application of the token may consent for itself only.")
    if grant.enterpriseApplicationId != APP_ROLES.resource_app_id or not set(grant.names) <= SCOPES:
        return _refused(400, 2000, "The enterprise application or a scope does not exist.")
    principal = customer.add_principal(app_id, application, customer.visible_later())
    if any(kept.body["consentType"] == "AllPrincipals" for kept in principal.grants):
        return _refused(409, 4000, "Permission entry already exists.")
    granted = new_grant(customer.guid, principal, customer.graph_principal_id, grant.names)
    principal.grants.append(Timed(granted, customer.visible_later()))
    return reply(msgspec.to_builtins(consent), 201)


def remove(tenants: Tenants, customer_id: str, app_id: str, authorization: str) -> Response[Any]:
    """Take the grants for everybody back; the service principal stays."""
    allowed = _admitted(tenants, customer_id, authorization)
    if isinstance(allowed, Response):
        return allowed
    customer, own_id = allowed
    principal = customer.principals.get(own_id)
    if principal is None or app_id.lower() != own_id:
        return _refused(404, 1000, "There is no such consent.")
    principal.grants = [kept for kept in principal.grants if kept.body["consentType"] != "AllPrincipals"]
    return reply(None, 204)


def _admitted(tenants: Tenants, customer_id: str, authorization: str) -> tuple[Tenant, str] | Response[Any]:
    """The customer and the application of the token; or the refusal of somebody who may not consent for it."""
    claims = tokens.read(authorization)
    if claims is None or claims["aud"] != PARTNER_CENTER or claims["tid"] != PARTNER_TENANT:
        return _refused(401, 900401, "The token is missing, expired or not for Partner Center.")
    if "mfa" not in claims.get("amr", ()):
        return _refused(401, 900421, "MFA required.")
    customer = tenants.of(customer_id)
    active = tenants.relationships(lambda known: known.customer == customer_id.lower() and known.status == "active")
    if customer is None or next(active, None) is None:
        return _refused(404, 1000, "The customer was not found.")
    person = people.signed_in(tenants, tenants.partner, claims["oid"], customer)
    if not isinstance(person, people.Person) or not ADMINISTRATORS.intersection(person.roles):
        return _refused(403, 3000, "The user has no role for this in the customer's tenant.")
    return customer, str(claims["appid"]).lower()


def _refused(status: int, code: int, description: str) -> Response[Any]:
    return reply({"code": code, "description": description, "data": [], "source": "PartnerFD"}, status)
