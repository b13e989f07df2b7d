"""Conditional Access policies for the tests of the rules: as Microsoft Graph sends one, and as the rules see them."""

from typing import Any

import msgspec

from task_runner.checks.identity.policies import AccessPolicy, Audience

COMPLETE: dict[str, Any] = {
    "id": "p1",
    "displayName": "MFA for everybody",
    "state": "enabled",
    "conditions": {
        "clientAppTypes": ["all"],
        "signInRiskLevels": [],
        "userRiskLevels": [],
        "platforms": None,
        "locations": None,
        "devices": None,
        "applications": {"includeApplications": ["All"], "excludeApplications": [], "applicationFilter": None},
        "users": {
            "includeUsers": ["All"],
            "includeGroups": [],
            "includeRoles": [],
            "excludeUsers": [],
            "excludeGroups": [],
            "excludeRoles": [],
            "excludeGuestsOrExternalUsers": None,
        },
    },
    "grantControls": {
        "operator": "OR",
        "builtInControls": ["mfa"],
        "customAuthenticationFactors": [],
        "termsOfUse": [],
        "authenticationStrength": None,
    },
}
"""A policy that requires MFA of everybody for everything, without the fields that no check reads."""

EVERYBODY = Audience(include_users=frozenset({"all"}))
REPORT = "enabledForReportingButNotEnforced"

MFA = AccessPolicy(
    id="mfa",
    name="MFA",
    state="enabled",
    audience=EVERYBODY,
    all_applications=True,
    applications_excluded=False,
    client_types=frozenset({"all"}),
    narrowing=(),
    mfa_gaps=(),
    blocks=False,
)
LEGACY = msgspec.structs.replace(
    MFA,
    id="legacy",
    name="Legacy",
    client_types=frozenset({"other", "exchangeActiveSync"}),
    mfa_gaps=("does not require multifactor authentication",),
    blocks=True,
)


def audience(**fields: str | bool) -> Audience:
    """Everybody, changed: ids are given as one text with spaces."""
    changed = {name: frozenset(value.split()) if isinstance(value, str) else value for name, value in fields.items()}
    return msgspec.structs.replace(EVERYBODY, **changed)


def changed(policy: AccessPolicy, **fields: Any) -> AccessPolicy:
    """The policy with other fields."""
    return msgspec.structs.replace(policy, **fields)


def reaching(policy: AccessPolicy, **fields: str | bool) -> AccessPolicy:
    """The policy with another audience."""
    return msgspec.structs.replace(policy, audience=audience(**fields))
