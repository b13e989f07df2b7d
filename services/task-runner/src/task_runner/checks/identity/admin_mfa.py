"""``identity.admin_mfa``: multifactor authentication (MFA) of administrators, and their registration for it."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from task_runner.checks.identity.conditional_access import MOST_EXCLUDED_USERS, READ_POLICIES
from task_runner.checks.identity.policies import AccessPolicy, access_policies
from task_runner.checks.identity.protection import read_policies_without_defaults, read_security_defaults
from task_runner.checks.lists import ADMIN_ROLES
from task_runner.providers.fields import DATA_INCOMPLETE, Fields
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import CannotTell, Result

READ_REPORTS = "AuditLog.Read.All"
REPORT = "/reports/authenticationMethods/userRegistrationDetails"
MAX_LISTED = 200


class Administrator(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator in the registration report; ``registered``: registered for and capable of MFA."""

    id: str
    registered: bool


Registration = tuple[Administrator, ...] | CannotTell
"""The administrators, or the reason for which the report could not be read."""


def requires_mfa(policy: AccessPolicy) -> bool:
    """Return True if the policy requires MFA for its users, for all applications and under all conditions."""
    unrestricted = policy.all_applications and not policy.applications_excluded and "all" in policy.client_types
    return unrestricted and not policy.narrowing and not policy.mfa_gaps


def roles_covered(policy: AccessPolicy, roles: frozenset[str]) -> frozenset[str]:
    """Return the subset of ``roles`` to which the policy applies."""
    audience = policy.audience
    return (roles if audience.everybody else roles & audience.include_roles) - audience.exclude_roles


def has_exclusions(policy: AccessPolicy, declared: frozenset[str]) -> bool:
    """Return True if the policy may exclude an administrator who is not an emergency access account.

    ``declared`` are the configured emergency access accounts and groups. Up to 4 other excluded users are accepted as
    emergency access accounts, as in ``identity.baseline``.
    """
    audience = policy.audience
    users, groups = audience.exclude_users - declared, audience.exclude_groups - declared
    return len(users) > MOST_EXCLUDED_USERS or bool(groups) or audience.guests_excluded


def decide(
    security_defaults: bool,
    policies: tuple[AccessPolicy, ...],
    registration: Registration,
    declared: frozenset[str],
    roles: Mapping[str, str],
) -> Result:
    """Return the result for security defaults, the policies and the registration report.

    Policies and report are empty if security defaults are enabled. ``roles`` is name to role template id of the
    administrator roles. Policies without a readable report are ``unknown``, never ``ok``.
    """
    role_ids = frozenset(roles.values())
    strong = [policy for policy in policies if requires_mfa(policy) and roles_covered(policy, role_ids)]
    enforced = [policy for policy in strong if policy.enforced]
    missing = role_ids - _covered_by_any(enforced, role_ids)
    payload = _payload(security_defaults, strong, registration, declared, role_ids)
    payload["roles_not_covered"] = (
        [] if security_defaults else sorted(name for name, role in roles.items() if role in missing)
    )
    if security_defaults:
        message = "Security defaults are enabled; they require multifactor authentication for administrators."
        return Result.ok("ADMIN_MFA_ENFORCED", message, payload)
    if not missing:
        complete = [policy for policy in enforced if not has_exclusions(policy, declared)]
        if _covered_by_any(complete, role_ids) == role_ids:
            return _by_registration(registration, payload)
        message = "Multifactor authentication is required for administrators, but some of them may be excluded."
        return Result.warn("ADMIN_MFA_EXCLUSIONS", message, payload)
    if _covered_by_any(strong, role_ids) == role_ids:
        message = (
            "The Conditional Access policies that require multifactor authentication for administrators are in"
            " report-only mode."
        )
        return Result.warn("ADMIN_MFA_REPORT_ONLY", message, payload)
    message = (
        f"No enabled policy requires multifactor authentication for {len(missing)} of {len(role_ids)}"
        " administrator roles."
    )
    return Result.fail("ADMIN_MFA_MISSING", message, payload)


def _covered_by_any(policies: Iterable[AccessPolicy], roles: frozenset[str]) -> frozenset[str]:
    return frozenset[str]().union(*(roles_covered(policy, roles) for policy in policies))


def _by_registration(registration: Registration, payload: dict[str, Any]) -> Result:
    enforced = "Multifactor authentication is required for all administrators"
    if isinstance(registration, CannotTell):
        message = f"{enforced}, but their registration could not be read. {registration.message}"
        return Result.unknown(registration.reason_code, message, {**registration.payload, **payload})
    unregistered = sum(not administrator.registered for administrator in registration)
    if unregistered:
        message = f"{enforced}, but {unregistered} of {len(registration)} have not registered an authentication method."
        return Result.warn("ADMIN_MFA_UNREGISTERED", message, payload)
    return Result.ok("ADMIN_MFA_ENFORCED", f"{enforced}, and all {len(registration)} have registered.", payload)


def _payload(
    security_defaults: bool,
    policies: list[AccessPolicy],
    registration: Registration,
    declared: frozenset[str],
    role_ids: frozenset[str],
) -> dict[str, Any]:
    report: dict[str, Any] = {"registration_read": False, "registration_reason": None}
    if isinstance(registration, CannotTell):
        report["registration_reason"] = registration.reason_code
    elif not security_defaults:
        report = {
            "registration_read": True,
            "administrator_count": len(registration),
            "administrator_ids": [administrator.id for administrator in registration[:MAX_LISTED]],
            "unregistered_ids": [administrator.id for administrator in registration if not administrator.registered][
                :MAX_LISTED
            ],
        }
    return {
        "security_defaults_enabled": security_defaults,
        "policies": [_policy_payload(policy, declared, role_ids) for policy in policies[:MAX_LISTED]],
        **report,
    }


def _policy_payload(policy: AccessPolicy, declared: frozenset[str], role_ids: frozenset[str]) -> dict[str, Any]:
    audience = policy.audience
    return {
        "id": policy.id,
        "name": policy.name,
        "state": policy.state,
        "roles_covered": sorted(roles_covered(policy, role_ids)),
        "excluded_users": sorted(audience.exclude_users)[:MAX_LISTED],
        "excluded_groups": sorted(audience.exclude_groups)[:MAX_LISTED],
        "excluded_roles": sorted(audience.exclude_roles),
        "leaves_somebody_out": has_exclusions(policy, declared),
    }


@task(
    "identity.admin_mfa",
    step=5,
    title="Multifactor authentication is required for administrators",
    permissions=(READ_POLICIES, READ_REPORTS),
)
async def identity_admin_mfa(context: TaskContext) -> Result:
    """Reads security defaults and, if they are disabled, the policies and the MFA registration of administrators."""
    declared, roles = context.emergency_access, ADMIN_ROLES.administrators
    await context.progress(0, 3, "Reading security defaults")
    if await read_security_defaults(context):
        await context.progress(3, 3, "Done")
        return decide(True, (), (), declared, roles)
    await context.progress(1, 3, "Reading Conditional Access policies")
    policies = access_policies(await read_policies_without_defaults(context))
    await context.progress(2, 3, "Reading the registration of administrators")
    registration = await _read_registration(context)
    await context.progress(3, 3, "Done")
    return decide(False, policies, registration, declared, roles)


async def _read_registration(context: TaskContext) -> Registration:
    try:
        items = await context.graph.list(REPORT, {"$filter": "isAdmin eq true"}, permission=READ_REPORTS)
        return administrators(
            tuple(Fields(item, f"userRegistrationDetails[{index}]") for index, item in enumerate(items))
        )
    except CannotTell as failure:
        return failure


def administrators(entries: tuple[Fields, ...]) -> tuple[Administrator, ...]:
    """Return the administrators of the report. Raise ``CannotTell`` if a field is missing, or if there is none.

    The report does not contain disabled users: https://learn.microsoft.com/graph/api/authenticationmethodsroot-list-userregistrationdetails
    """
    users = tuple(
        Administrator(id=entry.text("id"), registered=entry.flag("isMfaRegistered") and entry.flag("isMfaCapable"))
        for entry in entries
        if entry.flag("isAdmin")
    )
    if not users:
        raise CannotTell(DATA_INCOMPLETE, "The registration report contains no administrator.")
    return users
