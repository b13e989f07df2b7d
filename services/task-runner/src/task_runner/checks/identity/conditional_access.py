"""Conditional Access policies, and their gaps in requiring multifactor authentication for all users."""

import msgspec

from task_runner.providers.fields import Fields

READ_POLICIES = "Policy.Read.All"
ENFORCED = "enabled"
REPORT_ONLY = "enabledForReportingButNotEnforced"
MOST_EXCLUDED_USERS = 4
"""Threshold of this product: up to 4 excluded users are accepted as emergency access accounts; more are a gap."""

RISK_LEVELS = ("signInRiskLevels", "userRiskLevels")
NARROWING = ("platforms", "locations", "devices")
NARROWING_IN_SOME_CLOUDS = ("insiderRiskLevels", "authenticationFlows")


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy. ``gaps`` are the reasons for which it does not require MFA for all users and all applications."""

    id: str
    name: str
    state: str
    gaps: tuple[str, ...]

    @property
    def enforced(self) -> bool:
        """True if it is enabled."""
        return self.state == ENFORCED

    @property
    def report_only(self) -> bool:
        """True if it is in report-only mode."""
        return self.state == REPORT_ONLY


def policy_from(fields: Fields) -> Policy:
    """Return one policy of a response. Raise ``CannotTell`` if a field is missing."""
    state = fields.text("state")
    evaluated = state in (ENFORCED, REPORT_ONLY)
    return Policy(
        id=fields.text("id"),
        name=fields.text("displayName"),
        state=state,
        gaps=mfa_gaps(fields) if evaluated else ("not in force",),
    )


def mfa_gaps(fields: Fields) -> tuple[str, ...]:
    """Return the reasons for which the policy does not require MFA for all users and all applications."""
    conditions = fields.at("conditions")
    return (
        *_user_gaps(conditions.at("users")),
        *_application_gaps(conditions.at("applications")),
        *_condition_gaps(conditions),
        *mfa_control_gaps(fields.at_or_none("grantControls")),
    )


def _user_gaps(users: Fields) -> list[str]:
    gaps = [] if "All" in users.texts("includeUsers") else ["not all users"]
    excluded = users.texts("excludeUsers")
    if len(excluded) > MOST_EXCLUDED_USERS or "GuestsOrExternalUsers" in excluded:
        gaps.append("users are excluded")
    for name, gap in (("excludeGroups", "groups are excluded"), ("excludeRoles", "roles are excluded")):
        if users.texts(name):
            gaps.append(gap)
    if users.at_or_none("excludeGuestsOrExternalUsers") is not None:
        gaps.append("guests are excluded")
    return gaps


def _application_gaps(applications: Fields) -> list[str]:
    gaps = [] if "All" in applications.texts("includeApplications") else ["not all applications"]
    excluded, filtered = applications.texts("excludeApplications"), applications.at_or_none("applicationFilter")
    if excluded or filtered is not None:
        gaps.append("applications are excluded")
    return gaps


def _condition_gaps(conditions: Fields) -> list[str]:
    gaps = [] if "all" in conditions.texts("clientAppTypes") else ["not all client applications"]
    return [*gaps, *narrowing_gaps(conditions)]


def narrowing_gaps(conditions: Fields) -> list[str]:
    """Return the conditions that limit a policy, other than users, applications and client applications."""
    narrowing = [name for name in RISK_LEVELS if conditions.texts(name)]
    narrowing += [name for name in NARROWING if conditions.at_or_none(name) is not None]
    narrowing += [name for name in NARROWING_IN_SOME_CLOUDS if conditions.has(name) and not conditions.is_null(name)]
    return [f"only under the condition {name}" for name in narrowing]


def mfa_control_gaps(controls: Fields | None) -> list[str]:
    """Return the reasons for which the grant controls of a policy do not require MFA.

    An authentication strength is accepted if Microsoft Graph reports that it satisfies ``mfa``: a custom strength can
    consist of a single factor.
    """
    if controls is None:
        return ["requires nothing"]
    built_in = set(controls.texts("builtInControls"))
    strength = controls.at_or_none("authenticationStrength")
    operator = controls.text("operator")
    others = [*(built_in - {"mfa"}), *controls.texts("customAuthenticationFactors"), *controls.texts("termsOfUse")]
    strong = strength is not None and strength.text("requirementsSatisfied") == "mfa"
    if strength is not None and not strong:
        others.append("authenticationStrength")
    if "mfa" not in built_in and not strong:
        return ["does not require multifactor authentication"]
    if operator != "AND" and others:
        return ["accepts something else instead of multifactor authentication"]
    return []
