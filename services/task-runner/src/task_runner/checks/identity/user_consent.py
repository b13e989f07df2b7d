"""``identity.user_consent``: user consent to applications."""

from task_runner.checks.identity.policies import READ_POLICIES
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import RESPONSE_INVALID
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

AUTHORIZATION = "/policies/authorizationPolicy"
FOR_SELF = "managepermissiongrantsforself."
"""Prefix of policies for user consent. https://learn.microsoft.com/graph/api/resources/defaultuserrolepermissions"""
FOR_OWNED = "managepermissiongrantsforownedresource."
"""Prefix of policies for consent of group and chat owners, which this check does not evaluate."""
LOW_RISK = f"{FOR_SELF}microsoft-user-default-low"
"""Built-in policy: low-impact permissions, for applications of verified publishers or of the tenant itself."""
RECOMMENDED = f"{FOR_SELF}microsoft-user-default-recommended"
"""Built-in policy: the permissions that Microsoft recommends, and changes."""
LEGACY = f"{FOR_SELF}microsoft-user-default-legacy"
"""Built-in policy: every permission that requires no administrator, for any application."""


def decide(assigned: tuple[str, ...]) -> Result:
    """Return the result for the permission grant policies of the default user role; names are case-insensitive."""
    payload = {"permission_grant_policies_assigned": list(assigned)}
    for_self = {name.lower(): name for name in assigned if name.lower().startswith(FOR_SELF)}
    unsupported = [name for name in assigned if not name.lower().startswith((FOR_SELF, FOR_OWNED))]
    if LEGACY in for_self:
        message = "Users can consent to any application, for every permission that requires no administrator."
        return Result.fail("CONSENT_USER_OPEN", message, payload)
    if unsupported:
        message = f"This version does not support these permission grant policies: {', '.join(unsupported)}."
        return Result.unknown(RESPONSE_INVALID, message, payload)
    own = sorted(name for word, name in for_self.items() if word not in (LOW_RISK, RECOMMENDED))
    if own:
        message = f"Users can consent by policies of the tenant, which were not read: {', '.join(own)}."
        return Result.warn("CONSENT_USER_CUSTOM", message, payload)
    if RECOMMENDED in for_self:
        message = "Users can consent to the permissions that Microsoft recommends, and changes."
        return Result.warn("CONSENT_USER_RECOMMENDED", message, payload)
    if for_self:
        message = "Users can consent to low-impact permissions, for applications of verified publishers."
        return Result.warn("CONSENT_USER_LOW_RISK", message, payload)
    return Result.ok("CONSENT_USER_BLOCKED", "Users cannot consent to applications themselves.", payload)


@task(
    "identity.user_consent",
    step=5,
    title="Users cannot consent to applications themselves",
    required=False,
    permissions=(READ_POLICIES,),
)
async def identity_user_consent(context: TaskContext) -> Result:
    """Reads the permission grant policies of the default user role, in any edition of Microsoft Entra ID."""
    await context.progress(0, 1, "Reading the authorization policy")
    body = await context.graph.get(AUTHORIZATION, permission=READ_POLICIES)
    await context.progress(1, 1, "Done")
    role = Fields(body, "authorizationPolicy").at("defaultUserRolePermissions")
    return decide(role.texts("permissionGrantPoliciesAssigned"))
