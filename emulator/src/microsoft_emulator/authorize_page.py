"""The page on which a person signs in to an application and consents, and its redirects.

Stricter than Microsoft: every application needs a code challenge, and S256 is the only method. No session is kept, so
``prompt=none`` never finds somebody who is signed in.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response

from microsoft_emulator import html, people, scopes
from microsoft_emulator.applications import Application
from microsoft_emulator.assertions import Refused
from microsoft_emulator.people import Person
from microsoft_emulator.scopes import DEFAULT, Requested
from microsoft_emulator.sign_ins import SignIn
from microsoft_emulator.tenants import Tenant, Tenants

PROMPTS = (None, "login", "consent", "select_account", "none")
RESPONSE_MODES = {"query": "?", "fragment": "#"}
CHALLENGE_LENGTH = 43
_ERRORS = {
    "50058": "login_required",
    "65004": "access_denied",
    "70005": "unsupported_response_type",
    "70011": "invalid_scope",
    "650053": "invalid_client",
}


class AuthorizeLink(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a code."""

    tenant: Tenant
    client_id: str
    application: Application
    redirect_uri: str
    response_mode: str
    requested: Requested
    challenge: str
    state: str | None
    nonce: str | None
    login_hint: str | None

    @property
    def subject(self) -> str:
        """A text that names this request, and no other."""
        asked = sorted((resource, *sorted(names)) for resource, names in self.requested.by_resource.items())
        parts = (self.tenant.guid, self.client_id, self.redirect_uri, self.challenge, self.state, self.nonce, asked)
        return "\n".join(map(str, parts))

    def asked(self) -> dict[str, frozenset[str]]:
        """Permissions by resource, with those of the registration in place of ``.default``."""
        required = frozenset(self.application.required_scopes)
        return {
            resource: scopes.NAMES.get(resource, required) if DEFAULT in names else names
            for resource, names in self.requested.by_resource.items()
        }


def read(tenants: Tenants, named: str, query: Mapping[str, str]) -> AuthorizeLink | Response[Any]:
    """The request; or the page of an error that is not sent to an application; or the redirect with an error."""
    tenant, client_id = tenants.named(named), query.get("client_id", "")
    if tenant is None:
        return html.error_page("90002", f"The tenant {named} was not found. Here the address must name one.")
    if not client_id:
        return html.error_page("900144", "The request must contain the parameter 'client_id'.")
    application = tenants.applications.of(client_id, tenant.guid)
    if application is None:
        return html.error_page("700016", f"The application {client_id} was not found in the directory {named}.")
    redirect_uri = query.get("redirect_uri", "")
    if not redirect_uri:
        return html.error_page("900144", "The request must contain the parameter 'redirect_uri'.")
    if redirect_uri not in application.redirect_uris:
        return html.error_page("50011", "The redirect URI is not among those of the application.")
    requested = scopes.read(query.get("scope", ""))
    if (fault := _fault(query, requested)) is not None or not isinstance(requested, Requested):
        return _refused(redirect_uri, query, fault or ("70011", "The scope is not valid."))
    return AuthorizeLink(
        tenant=tenant,
        client_id=client_id.lower(),
        application=application,
        redirect_uri=redirect_uri,
        response_mode=query.get("response_mode", "query"),
        requested=requested,
        challenge=query["code_challenge"],
        state=query.get("state"),
        nonce=query.get("nonce"),
        login_hint=query.get("login_hint"),
    )


def _fault(query: Mapping[str, str], requested: Requested | Refused) -> Refused | None:
    """The reason to refuse a request of a known application."""
    if query.get("response_mode", "query") not in RESPONSE_MODES:
        return "70007", "The response_mode is not supported."
    if not query.get("response_type"):
        return "900144", "The request must contain the parameter 'response_type'."
    if query["response_type"] != "code":
        return "70005", "The response_type is not supported."
    if not query.get("scope"):
        return "900144", "The request must contain the parameter 'scope'."
    if not isinstance(requested, Requested):
        return requested
    if len(query.get("code_challenge", "")) != CHALLENGE_LENGTH or query.get("code_challenge_method") != "S256":
        return "501491", "A code_challenge with code_challenge_method=S256 is required; it has 43 characters."
    if query.get("prompt") not in PROMPTS:
        return "90023", "The value of 'prompt' is not supported."
    if query.get("prompt") == "none":
        return "50058", "A silent sign-in request was sent but no user is signed in."
    return None


def show(link: AuthorizeLink) -> Response[Any]:
    """The page itself: who signs in, and what the application asks for."""
    options = [(person.user_principal_name, person.name) for person in people.people(link.tenant)]
    asked = [f"{name} ({resource})" for resource, names in link.asked().items() for name in sorted(names)]
    return html.page(
        "Sign in",
        html.paragraph(f"{link.application.display_name} asks you to sign in to the tenant {link.tenant.guid}."),
        html.paragraph("It asks for these permissions:"),
        html.listed([*asked, *sorted(link.requested.open_id)]),
        html.form(
            link.subject,
            [("accept", "Accept"), ("cancel", "Cancel")],
            html.choice("person", "Your account", options, link.login_hint),
        ),
    )


def decide(tenants: Tenants, link: AuthorizeLink, form: Mapping[str, str]) -> Response[Any]:
    """Do what the form says, and redirect to the application with a code or an error."""
    if not html.is_valid(link.subject, form.get("token", "")):
        return html.page("We cannot continue", html.paragraph("The form does not belong to this page."), status=403)
    if form.get("decision") != "accept":
        return _redirect(link, _error("65004", "User declined to consent to access the app."))
    person = people.signed_in(tenants, link.tenant, form.get("person", ""), link.tenant)
    if not isinstance(person, Person):
        return html.error_page(*person)
    missing = _missing(link, person)
    if any(scopes.needs_administrator(names) for names in missing.values()) and not person.is_administrator:
        return html.error_page("90094", "The permissions need the consent of an administrator.")
    principal = link.tenant.add_principal(link.client_id, link.application, link.tenant.visible_later())
    for resource, names in missing.items():
        link.tenant.grant_scopes(principal, person.id, resource, names)
    sign_in = SignIn(link.client_id, link.tenant.guid, person.id, link.requested, link.nonce)
    lifetime = link.tenant.control.code_lifetime
    return _redirect(link, {"code": tenants.sign_ins.new_code(sign_in, link.redirect_uri, link.challenge, lifetime)})


def _missing(link: AuthorizeLink, person: Person) -> dict[str, frozenset[str]]:
    """The permissions that neither the person nor an administrator has granted."""
    principal = link.tenant.principals.get(link.client_id)
    missing = {}
    for resource, names in link.asked().items():
        resource_id = link.tenant.resource_id(resource)
        held = principal.granted_scopes(resource_id, person.id) if principal else frozenset[str]()
        if names - held:
            missing[resource] = names - held
    return missing


def _refused(redirect_uri: str, query: Mapping[str, str], fault: Refused) -> Response[Any]:
    mode = query.get("response_mode", "query")
    return _sent(redirect_uri, mode, query.get("state"), _error(*fault))


def _error(number: str, text: str) -> dict[str, str]:
    return {"error": _ERRORS.get(number, "invalid_request"), "error_description": f"AADSTS{number}: {text}"}


def _redirect(link: AuthorizeLink, answer: dict[str, str]) -> Response[Any]:
    return _sent(link.redirect_uri, link.response_mode, link.state, answer)


def _sent(redirect_uri: str, mode: str, state: str | None, answer: dict[str, str]) -> Response[Any]:
    query = answer if state is None else {**answer, "state": state}
    joint = RESPONSE_MODES.get(mode, "?")
    joint = "&" if joint == "?" and "?" in redirect_uri else joint
    return Response(None, status_code=302, headers={"Location": f"{redirect_uri}{joint}{urlencode(query)}"})
