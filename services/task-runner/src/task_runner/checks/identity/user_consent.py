"""``identity.user_consent``: can users let applications into the tenant without asking an administrator?"""

from task_runner.checks.identity.conditional_access import READ_POLICIES
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import RESPONSE_INVALID
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

AUTHORIZATION = "/policies/authorizationPolicy"
FOR_SELF = "managepermissiongrantsforself."
"""Consent of a user for herself. https://learn.microsoft.com/graph/api/resources/defaultuserrolepermissions"""
FOR_OWNED = "managepermissiongrantsforownedresource."
"""Consent of a group's or chat's owner for that group or chat alone; not what this check is about."""
LOW_RISK = f"{FOR_SELF}microsoft-user-default-low"
"""Built-in: permissions of low impact, for applications of verified publishers or of the tenant itself."""


def decide(assigned: tuple[str, ...]) -> Result:
    """The result for the consent policies that are assigned to every user; their case does not matter."""
    payload = {"permission_grant_policies_assigned": list(assigned)}
    for_self = [name for name in assigned if name.lower().startswith(FOR_SELF)]
    strange = [name for name in assigned if not name.lower().startswith((FOR_SELF, FOR_OWNED))]
    if any(name.lower() != LOW_RISK for name in for_self):
        message = f"Users can consent to applications themselves: {', '.join(for_self)}."
        return Result.fail("CONSENT_USER_OPEN", message, payload)
    if strange:
        message = f"Microsoft Graph names consent policies of a kind that is not known: {', '.join(strange)}."
        return Result.unknown(RESPONSE_INVALID, message, payload)
    if for_self:
        message = "Users can consent to permissions of low impact, for applications of verified publishers."
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
    """Reads which consent policies are assigned to every user. Any edition of Microsoft Entra ID can set them."""
    await context.progress(0, 1, "Reading the authorization policy")
    body = await context.graph.get(AUTHORIZATION, permission=READ_POLICIES)
    await context.progress(1, 1, "Done")
    role = Fields(body, "authorizationPolicy").at("defaultUserRolePermissions")
    return decide(role.texts("permissionGrantPoliciesAssigned"))
