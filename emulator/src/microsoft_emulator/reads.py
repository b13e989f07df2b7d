"""The readable paths of a directory: permissions, licence, query options and data source."""

from collections.abc import Callable
from typing import Any

from microsoft_emulator import administrators, directory, policies
from microsoft_emulator.behaviour import Premium
from microsoft_emulator.gdap_roles import GLOBAL_ADMINISTRATOR
from microsoft_emulator.query import Query
from microsoft_emulator.routing import BETA, V1, Answer, Call, Route, any_of, not_found
from microsoft_emulator.tenants import Tenant

ROLES = "/roleManagement/directory"
READ_ORGANIZATION = any_of("Organization.Read.All", "Directory.Read.All")
READ_USERS = any_of("User.Read.All", "Directory.Read.All")
READ_POLICIES = any_of("Policy.Read.All")
READ_ROLES = any_of("RoleManagement.Read.Directory", "Directory.Read.All")
SENT_WITHOUT_SELECT = frozenset(
    {
        "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
        "preferredLanguage", "surname", "userPrincipalName",
    }
)  # fmt: skip


def _from(source: Callable[[Tenant], Any]) -> Answer:
    return lambda call: source(call.tenant)


def _user(call: Call) -> Any:
    matching = [user for user in directory.users(call.tenant) if user["id"] == call.arguments["id"]]
    return matching[0] if matching else not_found(call.arguments["id"])


def _role_query(kind: str) -> Query:
    filters = frozenset({"roleDefinitionId eq", "principalId eq", "directoryScopeId eq"})
    return Query(type=kind, filters=filters, expands=frozenset({"principal"}), max_top=999)


_USERS = Query(
    type="User",
    filters=frozenset({"id in", "id eq", "userPrincipalName eq", "accountEnabled eq", "userType eq"}),
    default=SENT_WITHOUT_SELECT,
    max_top=999,
)
_REPORT = Query(
    type="UserRegistrationDetails",
    filters=frozenset({"isAdmin eq", "isMfaCapable eq", "isMfaRegistered eq", "userPrincipalName eq"}),
    max_top=999,
)
_CONDITIONAL_ACCESS = Query(
    type="ConditionalAccessPolicy", filters=frozenset({"state eq", "displayName eq"}), max_top=999
)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/organization", _from(directory.organization), READ_ORGANIZATION, Query(type="Organization")),
    Route("GET", "/users", _from(directory.users), READ_USERS, _USERS),
    Route("GET", "/users/{id}", _user, READ_USERS, Query(type="User", default=SENT_WITHOUT_SELECT)),
    Route("GET", "/subscribedSkus", _from(directory.subscribed_skus), READ_ORGANIZATION, Query(type="SubscribedSku")),
    Route(
        "GET",
        "/policies/identitySecurityDefaultsEnforcementPolicy",
        _from(policies.security_defaults),
        READ_POLICIES,
        Query(type="IdentitySecurityDefaultsEnforcementPolicy"),
    ),
    Route(
        "GET",
        "/policies/authorizationPolicy",
        _from(policies.authorization_policy),
        READ_POLICIES,
        Query(type="AuthorizationPolicy"),
    ),
    Route(
        "GET",
        "/identity/conditionalAccess/policies",
        policies.conditional_access,
        READ_POLICIES,
        _CONDITIONAL_ACCESS,
        versions=(V1, BETA),
    ),
    Route(
        "GET",
        "/identity/conditionalAccess/policies/{id}",
        policies.conditional_access_policy,
        READ_POLICIES,
        Query(type="ConditionalAccessPolicy"),
        versions=(V1, BETA),
    ),
    Route(
        "GET",
        "/reports/authenticationMethods/userRegistrationDetails",
        _from(policies.registration_details),
        any_of("AuditLog.Read.All"),
        _REPORT,
        Premium.REPORT,
    ),
    Route(
        "GET",
        f"{ROLES}/roleAssignmentScheduleInstances",
        _from(administrators.active),
        any_of("RoleAssignmentSchedule.Read.Directory", "RoleManagement.Read.Directory"),
        _role_query("UnifiedRoleAssignmentScheduleInstance"),
        Premium.PIM,
    ),
    Route(
        "GET",
        f"{ROLES}/roleEligibilityScheduleInstances",
        _from(administrators.eligible),
        any_of("RoleEligibilitySchedule.Read.Directory", "RoleManagement.Read.Directory"),
        _role_query("UnifiedRoleEligibilityScheduleInstance"),
        Premium.PIM,
    ),
    Route(
        "GET",
        f"{ROLES}/roleAssignments",
        _from(administrators.role_assignments),
        any_of("RoleManagement.Read.Directory"),
        _role_query("UnifiedRoleAssignment"),
    ),
    Route(
        "GET",
        f"/directoryRoles(roleTemplateId='{GLOBAL_ADMINISTRATOR}')/members",
        _from(administrators.role_members),
        READ_ROLES,
        Query(type="DirectoryObject", max_top=999),
    ),
)
