"""Conditional Access policies as Microsoft Graph sends them, and as the rules read them."""

from collections.abc import Iterable
from typing import Any

from task_runner.checks.identity.audience import Tolerated
from task_runner.checks.identity.policies import AccessPolicy, policies_of
from task_runner.checks.identity.protection import Protection

REPORT = "enabledForReportingButNotEnforced"
LEGACY_CLIENTS = ("exchangeActiveSync", "other")
SYNC_ROLE = "d29b2b05-8046-44ba-8758-1e26182fcf32"
TOLERATED = Tolerated(emergency_access=frozenset({"emergency"}), roles=frozenset({SYNC_ROLE}))
"""One declared emergency access account or group, and a role of directory synchronization."""

NOT_CONFIGURED: dict[str, Any] = {
    "platforms": None,
    "locations": None,
    "devices": None,
    "clientApplications": None,
    "insiderRiskLevels": None,
    "authenticationFlows": None,
}
NO_USERS: dict[str, Any] = {
    "includeUsers": [],
    "excludeUsers": [],
    "includeGroups": [],
    "excludeGroups": [],
    "includeRoles": [],
    "excludeRoles": [],
    "includeGuestsOrExternalUsers": None,
    "excludeGuestsOrExternalUsers": None,
}


def sent(
    name: str = "MFA",
    *,
    state: str = "enabled",
    clients: Iterable[str] = ("all",),
    users: dict[str, Any] | None = None,
    applications: dict[str, Any] | None = None,
    conditions: dict[str, Any] | None = None,
    grant: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A policy that requires MFA for everybody and everything, with the given fields replaced."""
    return {
        "id": name.lower().replace(" ", "-"),
        "displayName": name,
        "state": state,
        "templateId": None,
        "conditions": {
            "clientAppTypes": list(clients),
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "servicePrincipalRiskLevels": [],
            **NOT_CONFIGURED,
            "applications": {
                "includeApplications": ["All"],
                "excludeApplications": [],
                "includeUserActions": [],
                "includeAuthenticationContextClassReferences": [],
                "applicationFilter": None,
                **(applications or {}),
            },
            "users": {**NO_USERS, **({"includeUsers": ["All"]} | (users or {}))},
            **(conditions or {}),
        },
        "grantControls": {
            "operator": "OR",
            "builtInControls": ["mfa"],
            "customAuthenticationFactors": [],
            "termsOfUse": [],
            "authenticationStrength": None,
            **(grant or {}),
        },
        "sessionControls": None,
    }


def blocks(name: str = "Legacy", *, clients: Iterable[str] = LEGACY_CLIENTS, **fields: Any) -> dict[str, Any]:
    """A policy that blocks legacy authentication for everybody, with the given fields replaced."""
    return sent(name, clients=clients, grant={"builtInControls": ["block"]}, **fields)


def guests(kinds: str, membership: str = "all") -> dict[str, Any]:
    """The value of ``includeGuestsOrExternalUsers`` and of its counterpart."""
    return {"guestOrExternalUserTypes": kinds, "externalTenants": {"membershipKind": membership}}


ALL_GUESTS = (
    "internalGuest,b2bCollaborationGuest,b2bCollaborationMember,b2bDirectConnectUser,otherExternalUser,serviceProvider"
)


def protection(*bodies: object) -> Protection:
    """The facts that the checks decide on, where these are the policies and security defaults are disabled."""
    return Protection(policies=policies_of(bodies))


def read(body: object) -> AccessPolicy:
    """The only policy, which must apply to somebody."""
    (policy,) = policies_of((body,)).policies
    return policy
