"""``identity.user_consent``: user consent to applications."""

from task_runner.checks.identity.conditional_access import READ_POLICIES
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


def decide(assigned: tuple[str, ...]) -> Result:
    """Return the result for the permission grant policies of the default user role; names are case-insensitive."""
    payload = {"permission_grant_policies_assigned": list(assigned)}
    for_self = [name for name in assigned if name.lower().startswith(FOR_SELF)]
    unsupported = [name for name in assigned if not name.lower().startswith((FOR_SELF, FOR_OWNED))]
    if any(name.lower() != LOW_RISK for name in for_self):
        message = f"Users can consent to applications themselves: {', '.join(for_self)}."
        return Result.fail("CONSENT_USER_OPEN", message, payload)
    if unsupported:
        message = f"This version does not support these permission grant policies: {', '.join(unsupported)}."
        return Result.unknown(RESPONSE_INVALID, message, payload)
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
