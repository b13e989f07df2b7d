"""The policies of a tenant: sign-in and consent."""

from typing import Any

from litestar import Response

from microsoft_emulator.behaviour import Fixture, Premium
from microsoft_emulator.directory import (
    ADMINISTRATORS,
    EMERGENCY,
    GUEST_ADMINISTRATOR,
    SYNC_ACCOUNT,
    is_enabled,
    is_guest,
    names,
    principal_name,
)
from microsoft_emulator.replies import graph_error
from microsoft_emulator.routing import BETA, Call, not_found
from microsoft_emulator.tenants import Tenant


def security_defaults(tenant: Tenant) -> dict[str, Any]:
    """The policy of security defaults, disabled because the tenant uses Conditional Access."""
    return {
        "id": "00000000-0000-0000-0000-000000000005",
        "displayName": "Security Defaults",
        "isEnabled": False,
    }


def conditional_access(call: Call) -> list[dict[str, Any]]:
    """The policies that this version of the API lists: v1.0 leaves out those with features in preview."""
    listed = _policies(call.tenant)
    if call.version == BETA and listed and call.tenant.control.has(Fixture.PREVIEW_POLICY):
        listed.append(_preview_policy(call.tenant))
    return listed


def conditional_access_policy(call: Call) -> dict[str, Any] | Response[Any]:
    """One policy. v1.0 refuses one with features in preview."""
    wanted = call.arguments["id"]
    policy = next((policy for policy in conditional_access(call) if policy["id"] == wanted), None)
    if policy is not None:
        return policy
    if call.tenant.control.has(Fixture.PREVIEW_POLICY) and wanted == _preview_policy(call.tenant)["id"]:
        text = (
            "1037: The policy you requested contains preview features. Use the Beta endpoint to retrieve this policy."
        )
        return graph_error(400, "BadRequest", text)
    return not_found(wanted)


def _preview_policy(tenant: Tenant) -> dict[str, Any]:
    """A policy for everybody, the emergency access account too, with a condition that is in preview."""
    policy = _policy(tenant, "Require MFA for risky agents", "enabled", ["All"], ["mfa"])
    policy["conditions"]["users"]["excludeUsers"] = []
    policy["conditions"]["agentIdRiskLevels"] = "high"
    return policy


def _policies(tenant: Tenant) -> list[dict[str, Any]]:
    """Three policies, one of which requires multifactor authentication of all users for all applications.

    The two enabled ones exclude the emergency access account. Without a licence the list is empty.
    """
    if tenant.control.lacks(Premium.POLICY):
        return []
    return [
        _policy(tenant, "Require MFA for all users", "enabled", ["All"], ["mfa"]),
        _policy(tenant, "Block legacy authentication", "enabled", ["All"], ["block"], ["exchangeActiveSync", "other"]),
        _policy(tenant, "Require compliant devices", "enabledForReportingButNotEnforced", ["All"], ["compliantDevice"]),
    ]


def _policy(
    tenant: Tenant, name: str, state: str, users: list[str], controls: list[str], clients: list[str] | None = None
) -> dict[str, Any]:
    return {
        "id": tenant.id_of(f"policy/{name}"),
        "displayName": name,
        "state": state,
        "createdDateTime": "2025-11-03T09:12:44.1234567Z",
        "modifiedDateTime": None,
        "templateId": None,
        "conditions": {
            "clientAppTypes": clients or ["all"],
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "servicePrincipalRiskLevels": [],
            "platforms": None,
            "locations": None,
            "devices": None,
            "clientApplications": None,
            "insiderRiskLevels": None,
            "authenticationFlows": None,
            "applications": {
                "includeApplications": ["All"],
                "excludeApplications": [],
                "includeUserActions": [],
                "includeAuthenticationContextClassReferences": [],
                "applicationFilter": None,
            },
            "users": {
                "includeUsers": users,
                "excludeUsers": [tenant.id_of(f"user/{EMERGENCY}")] if state == "enabled" else [],
                "includeGroups": [],
                "excludeGroups": [],
                "includeRoles": [],
                "excludeRoles": [],
                "includeGuestsOrExternalUsers": None,
                "excludeGuestsOrExternalUsers": None,
            },
        },
        "grantControls": {
            "operator": "OR",
            "builtInControls": controls,
            "customAuthenticationFactors": [],
            "termsOfUse": [],
            "authenticationStrength": None,
        },
        "sessionControls": None,
    }


def authorization_policy(tenant: Tenant) -> dict[str, Any]:
    """Users cannot consent to applications; owners can for their own teams."""
    return {
        "id": "authorizationPolicy",
        "displayName": "Authorization Policy",
        "allowInvitesFrom": "adminsAndGuestInviters",
        "allowedToUseSSPR": True,
        "blockMsolPowerShell": True,
        "guestUserRoleId": "2af84b1e-32c8-42b7-82bc-daa82404023b",
        "defaultUserRolePermissions": {
            "allowedToCreateApps": False,
            "allowedToCreateSecurityGroups": False,
            "allowedToCreateTenants": False,
            "allowedToReadOtherUsers": True,
            "permissionGrantPoliciesAssigned": [
                "ManagePermissionGrantsForOwnedResource.microsoft-dynamically-managed-permissions-for-team"
            ],
        },
    }


def registration_details(tenant: Tenant) -> list[dict[str, Any]]:
    """The registration of every enabled user for multifactor authentication; guests register at home."""
    return [_registration(tenant, name) for name in names(tenant) if is_enabled(name)]


def _registration(tenant: Tenant, name: str) -> dict[str, Any]:
    registered = not is_guest(name) and name != SYNC_ACCOUNT
    return {
        "id": tenant.id_of(f"user/{name}"),
        "userPrincipalName": principal_name(tenant, name),
        "userDisplayName": name,
        "userType": "guest" if is_guest(name) else "member",
        "isAdmin": name in (*ADMINISTRATORS, GUEST_ADMINISTRATOR, SYNC_ACCOUNT),
        "isMfaRegistered": registered,
        "isMfaCapable": registered,
        "isPasswordlessCapable": False,
        "methodsRegistered": ["microsoftAuthenticatorPush"] if registered else [],
        "lastUpdatedDateTime": "2026-01-05T08:00:00Z",
    }
