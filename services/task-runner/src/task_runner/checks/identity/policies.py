"""Conditional Access policies in detail: users, applications, conditions and grant controls."""

import msgspec

from task_runner.checks.identity.conditional_access import ENFORCED, REPORT_ONLY, mfa_control_gaps, narrowing_gaps
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import RESPONSE_INVALID
from task_runner.tasks.result import CannotTell

DISABLED = "disabled"
ALL = "all"
NO_MEMBERS = frozenset({"none", "guestsorexternalusers"})
"""Special values in ``includeUsers`` that include no member of the tenant."""
GUESTS = "guestsorexternalusers"


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """The included and excluded users of a policy. Ids and special values, such as ``all``, are in lower case."""

    include_users: frozenset[str] = frozenset()
    include_groups: frozenset[str] = frozenset()
    include_roles: frozenset[str] = frozenset()
    exclude_users: frozenset[str] = frozenset()
    exclude_groups: frozenset[str] = frozenset()
    exclude_roles: frozenset[str] = frozenset()
    guests_excluded: bool = False

    @property
    def everybody(self) -> bool:
        """True if all users are included, regardless of exclusions."""
        return ALL in self.include_users

    @property
    def members(self) -> bool:
        """True if it includes members of the tenant, and not only guests or applications."""
        return bool(self.include_groups or self.include_roles or self.include_users - NO_MEMBERS)

    def reaches(self, account: str, groups: frozenset[str] = frozenset()) -> bool:
        """Return True if the policy can apply to a member with this object id and these groups.

        Included groups and roles count as all users, because their members can change.
        """
        included = self.everybody or account in self.include_users or self.include_groups or self.include_roles
        return bool(included) and not self.exclude_users & {account} and not self.exclude_groups & {account, *groups}


class AccessPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy that is enabled or in report-only mode.

    ``narrowing`` are the conditions that limit it, ``mfa_gaps`` the reasons for which its grant controls do not require
    MFA (empty = they require it). ``blocks``: its grant control is "block".
    """

    id: str
    name: str
    state: str
    audience: Audience
    all_applications: bool
    applications_excluded: bool
    client_types: frozenset[str]
    narrowing: tuple[str, ...]
    mfa_gaps: tuple[str, ...]
    blocks: bool

    @property
    def enforced(self) -> bool:
        """True if it is enabled, False if it is in report-only mode."""
        return self.state == ENFORCED


def access_policies(policies: tuple[Fields, ...]) -> tuple[AccessPolicy, ...]:
    """Return the enabled and report-only policies of a response. Raise ``CannotTell`` if a field is missing."""
    return tuple(_policy(fields) for fields in policies if fields.text("state") in (ENFORCED, REPORT_ONLY))


def check_states(policies: tuple[Fields, ...]) -> None:
    """Raise ``CannotTell`` if this version does not support the state of a policy, which could be enabled."""
    for fields in policies:
        state = fields.text("state")
        if state not in (ENFORCED, REPORT_ONLY, DISABLED):
            name = fields.text("displayName")
            message = f"The policy “{name}” has the state {state}, which this version does not support."
            raise CannotTell(RESPONSE_INVALID, message)


def _policy(fields: Fields) -> AccessPolicy:
    conditions, controls = fields.at("conditions"), fields.at_or_none("grantControls")
    applications = conditions.at("applications")
    excluded, filtered = applications.texts("excludeApplications"), applications.at_or_none("applicationFilter")
    return AccessPolicy(
        id=fields.text("id"),
        name=fields.text("displayName"),
        state=fields.text("state"),
        audience=_audience(conditions.at("users")),
        all_applications="All" in applications.texts("includeApplications"),
        applications_excluded=bool(excluded) or filtered is not None,
        client_types=frozenset(conditions.texts("clientAppTypes")),
        narrowing=tuple(narrowing_gaps(conditions)),
        mfa_gaps=tuple(mfa_control_gaps(controls)),
        blocks=controls is not None and "block" in controls.texts("builtInControls"),
    )


def _audience(users: Fields) -> Audience:
    excluded = _ids(users, "excludeUsers")
    guests = users.at_or_none("excludeGuestsOrExternalUsers") is not None
    return Audience(
        include_users=_ids(users, "includeUsers"),
        include_groups=_ids(users, "includeGroups"),
        include_roles=_ids(users, "includeRoles"),
        exclude_users=excluded - {GUESTS},
        exclude_groups=_ids(users, "excludeGroups"),
        exclude_roles=_ids(users, "excludeRoles"),
        guests_excluded=guests or GUESTS in excluded,
    )


def _ids(users: Fields, name: str) -> frozenset[str]:
    return frozenset(object_id.lower() for object_id in users.texts(name))
