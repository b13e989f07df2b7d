"""Tokens of people: for an authorization code, and for a refresh token."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litestar import Response

from microsoft_emulator import people, scopes, tokens
from microsoft_emulator.assertions import Refused
from microsoft_emulator.people import Person
from microsoft_emulator.replies import reply
from microsoft_emulator.scopes import DEFAULT, Requested
from microsoft_emulator.sign_ins import SignIn
from microsoft_emulator.tenants import Tenant, Tenants
from microsoft_emulator.token_errors import refusal

NOT_CONSENTED = "65001", "The user or administrator has not consented to use the application."


def redeem_code(tenants: Tenants, tenant: Tenant, form: Mapping[str, str]) -> Response[Any]:
    """Respond to an authenticated application with a code. A refused request does not use the code up."""
    for name in ("code", "redirect_uri", "code_verifier"):
        if not form.get(name):
            return refusal("900144", f"The request body must contain the following parameter: '{name}'.")
    code = tenants.sign_ins.code(form["code"])
    if code is None or code.sign_in.client_id != form["client_id"].lower():
        return refusal("70000", "The provided value for the 'code' parameter is not valid.")
    if code.sign_in.tenant != tenant.guid:
        return refusal("700005", "The authorization code is intended to be used against another tenant.")
    if code.redeemed:
        return refusal("54005", "The authorization code was already redeemed.")
    if time.time() >= code.expires_at:
        return refusal("70008", "The authorization code has expired.")
    if form["redirect_uri"] != code.redirect_uri:
        return refusal("500112", "The reply address does not match the one of the authorization request.")
    if not code.verifies(form["code_verifier"]):
        return refusal("501481", "The code_verifier does not match the code_challenge of the authorization request.")
    requested = _requested(form, code.sign_in)
    if not isinstance(requested, Requested):
        return refusal(*requested)
    if not code.sign_in.requested.covers(requested):
        return refusal("70011", "The scope asks for more than the authorization request.")
    issued = _issued(tenants, tenant, code.sign_in, requested, refreshable="offline_access" in requested.open_id)
    code.redeemed = issued.status_code == 200
    return issued


def refresh(tenants: Tenants, tenant: Tenant, form: Mapping[str, str]) -> Response[Any]:
    """Respond to an authenticated application with a refresh token, in any tenant where the person is known."""
    if not form.get("refresh_token"):
        return refusal("900144", "The request body must contain the following parameter: 'refresh_token'.")
    known = tenants.sign_ins.refresh_token(form["refresh_token"])
    if known is None or known.sign_in.client_id != form["client_id"].lower():
        return refusal("70000", "The refresh token isn't valid.")
    if tenants.sign_ins.revoked(known.sign_in):
        return refusal("50173", "The provided grant has expired due to it being revoked, a fresh auth token is needed.")
    if time.time() >= known.expires_at:
        return refusal("700082", "The refresh token has expired due to inactivity.")
    requested = _requested(form, known.sign_in)
    if not isinstance(requested, Requested):
        return refusal(*requested)
    return _issued(tenants, tenant, known.sign_in, requested, refreshable=True)


def _requested(form: Mapping[str, str], sign_in: SignIn) -> Requested | Refused:
    """The resource that the token is for: one only. Without a scope, what the sign-in was for."""
    requested = scopes.read(form["scope"]) if form.get("scope") else sign_in.requested
    if not isinstance(requested, Requested):
        return requested
    if len(requested.by_resource) > 1:
        return "28000", "The scope contains more than one resource."
    return requested if requested.by_resource else ("28003", "The scope names no permission of a resource.")


def _issued(
    tenants: Tenants, tenant: Tenant, sign_in: SignIn, requested: Requested, *, refreshable: bool
) -> Response[Any]:
    home = tenants.of(sign_in.tenant)
    person = people.signed_in(tenants, home or tenant, sign_in.user, tenant)
    if not isinstance(person, Person):
        return refusal(*person)
    ((resource, names),) = requested.by_resource.items()
    granted = _granted(tenant, sign_in.client_id, person, resource, names)
    if not isinstance(granted, frozenset):
        return refusal(*granted)
    lifetime = tenant.control.token_lifetime
    who = {"oid": person.id, "acct": int(person.guest), "wids": list(person.roles)}
    claims = {**who, "scp": " ".join(sorted(granted)), "amr": ["pwd", "mfa"]}
    body: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": " ".join(f"{resource}/{name}" for name in sorted(granted)),
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": tokens.issue_for_user(tenant.guid, sign_in.client_id, claims, lifetime, resource),
    }
    if refreshable:
        since = replace(sign_in, requested=requested)
        body["refresh_token"] = tenants.sign_ins.new_refresh_token(since, tenant.control.refresh_token_lifetime)
    if "openid" in requested.open_id:
        known = {**_profile(person), "nonce": sign_in.nonce, "oid": person.id}
        body["id_token"] = tokens.issue_id(tenant.guid, sign_in.client_id, known, lifetime)
    return reply(body)


def _granted(
    tenant: Tenant, client_id: str, person: Person, resource: str, names: frozenset[str]
) -> frozenset[str] | Refused:
    """The permissions of the token; refused if one that is asked for was not consented to."""
    principal = tenant.principal_of(client_id)
    if principal is None:
        return NOT_CONSENTED
    if not principal.body["accountEnabled"]:
        return "7000112", f"The application {client_id} is disabled."
    held = principal.granted_scopes(tenant.resource_id(resource), person.id)
    wanted = held if DEFAULT in names else names
    return frozenset(wanted) if wanted and wanted <= held else NOT_CONSENTED


def _profile(person: Person) -> dict[str, str]:
    return {"name": person.name, "preferred_username": person.user_principal_name}
