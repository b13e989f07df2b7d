"""The permissions granted to the application in a customer's tenant, compared with the manifest."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from task_runner.checks.consent.waiting import consent_gone, wait_for_permissions
from task_runner.checks.lists import AppManifest
from task_runner.checks.reads import read_together
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_FOUND, GraphRefused
from task_runner.tasks.context import RunDetails, TaskContext
from task_runner.tasks.graph import Read
from task_runner.tasks.result import CannotTell, Result

READ_APPLICATIONS = "Application.Read.All"
READ_GRANTS = "Directory.Read.All"
MAX_LISTED = 200


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """The granted permissions: app role ids of the manifest's resource, and all other grants."""

    principal_id: str
    enabled: bool
    granted: frozenset[str]
    other: frozenset[str] = frozenset()
    """Grants outside the manifest's resource, and delegated scopes that it does not allow; as readable texts."""


def decide(manifest: AppManifest, consent: Consent | None, details: RunDetails) -> Result:
    """The result for what was read; None means that the application has no service principal.

    Raises ``Wait`` while the consent, or a part of it, is missing.
    """
    if consent is None:
        message = "The application has no service principal in the customer's tenant."
        return consent_gone(message, details, _payload(manifest, None))
    payload = _payload(manifest, consent)
    if not consent.enabled:
        message = "The application's service principal is disabled in the customer's tenant."
        return Result.fail("CONSENT_DISABLED", message, payload)
    if payload["missing"]:
        raise wait_for_permissions(payload["missing"], details, payload)
    if payload["extra"]:
        return Result.warn("CONSENT_EXCESS", f"{len(payload['extra'])} grants are not in the manifest.", payload)
    message = f"All {len(manifest.app_roles)} permissions of the manifest are granted, and no others."
    return Result.ok("CONSENT_OK", message, payload)


def _payload(manifest: AppManifest, consent: Consent | None) -> dict[str, Any]:
    granted = consent.granted if consent else frozenset[str]()
    known = set(manifest.app_roles.values())
    extra = sorted(granted - known) + sorted(consent.other if consent else ())
    return {
        "manifest": {"version": manifest.version, "sha256": manifest.sha256},
        "service_principal_id": consent.principal_id if consent else None,
        "granted": sorted(name for name, role in manifest.app_roles.items() if role in granted),
        "missing": sorted(name for name, role in manifest.app_roles.items() if role not in granted),
        "extra": extra[:MAX_LISTED],
        "extra_count": len(extra),
    }


async def find_principals(context: TaskContext, app_id: str, resource_app_id: str) -> tuple[Fields | None, str]:
    """Return the service principal of an application, or None, and the object id of the resource's.

    Both are in the customer's tenant. Raise ``CannotTell`` if a request is refused, or the resource is missing.
    """
    own, resource = await context.graph.read_many([_principal(app_id), _principal(resource_app_id)])
    if isinstance(own, GraphRefused) and own.reason_code == NOT_FOUND:
        return None, ""
    for refused in (own, resource):
        if isinstance(refused, CannotTell):
            raise refused
    return Fields(own, "servicePrincipal"), Fields(resource, "resource").text("id")


def _principal(app_id: str) -> Read:
    name = quote(app_id.replace("'", "''"), safe="'")
    return Read(path=f"/servicePrincipals(appId='{name}')", permission=READ_APPLICATIONS)


async def read_consent(
    context: TaskContext, principal: Fields, resource: str, allowed_scopes: Sequence[str] = ()
) -> Consent:
    """Everything granted to this service principal but ``allowed_scopes`` on the resource.

    Raises ``CannotTell`` when a field is missing.
    """
    own_id = principal.text("id")
    path = f"/servicePrincipals/{quote(own_id, safe='')}"
    assignments, delegated = await read_together(
        context.graph,
        [
            Read(path=f"{path}/appRoleAssignments", permission=READ_APPLICATIONS),
            Read(path=f"{path}/oauth2PermissionGrants", permission=READ_GRANTS),
        ],
    )
    granted, other = _split(assignments.each("value"), resource)
    other |= _scopes_beyond(delegated.each("value"), resource, allowed_scopes)
    return Consent(
        principal_id=own_id,
        enabled=principal.flag("accountEnabled"),
        granted=frozenset(granted),
        other=frozenset(other),
    )


def _split(assignments: Sequence[Fields], resource: str) -> tuple[set[str], set[str]]:
    granted, other = set[str](), set[str]()
    for assignment in assignments:
        role, role_resource = assignment.text("appRoleId").lower(), assignment.text("resourceId")
        if role_resource == resource:
            granted.add(role)
        else:
            other.add(f"app role {role} on {role_resource}")
    return granted, other


def _scopes_beyond(grants: Sequence[Fields], resource: str, allowed: Sequence[str]) -> set[str]:
    """The delegated scopes that are not allowed; a grant may have none."""
    beyond = set[str]()
    for grant in grants:
        on, scopes = grant.text("resourceId"), (grant.text_or_none("scope") or "").split()
        beyond.update(f"delegated {scope} on {on}" for scope in scopes if on != resource or scope not in allowed)
    return beyond


def from_token_roles(manifest: AppManifest, roles: frozenset[str]) -> Mapping[str, list[str]]:
    """Return the granted and the missing permissions, from the names in a token's ``roles`` claim."""
    return {
        "granted": sorted(name for name in manifest.app_roles if name in roles),
        "missing": sorted(name for name in manifest.app_roles if name not in roles),
    }
