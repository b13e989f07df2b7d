"""``identity.admin_mfa``: is multifactor authentication required of every administrator, and can all of them do it?"""

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
    """An administrator of Microsoft's registration report; ``registered`` = has a method for MFA that is allowed."""

    id: str
    registered: bool


Registration = tuple[Administrator, ...] | CannotTell
"""The administrators, or why the report could not be read."""


def requires_mfa(policy: AccessPolicy) -> bool:
    """True if the policy requires MFA of its users for all applications and under every condition."""
    everywhere = policy.all_applications and not policy.applications_excluded and "all" in policy.client_types
    return everywhere and not policy.narrowing and not policy.mfa_gaps


def roles_covered(policy: AccessPolicy, roles: frozenset[str]) -> frozenset[str]:
    """The subset of the roles to which the policy applies."""
    audience = policy.audience
    return (roles if audience.everybody else roles & audience.include_roles) - audience.exclude_roles


def has_exclusions(policy: AccessPolicy, declared: frozenset[str]) -> bool:
    """True if the policy may exclude an administrator.

    ``declared`` are emergency access accounts and groups. A few users more may be some, as in ``identity.baseline``.
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
    """The result for security defaults, the policies and the registration report (not read when defaults are on).

    ``roles`` is name to role template id of the administrator roles. What is enforced is ``ok`` only with a report that
    was read; a missing or weaker policy is said without it.
    """
    wanted = frozenset(roles.values())
    strong = [policy for policy in policies if requires_mfa(policy) and roles_covered(policy, wanted)]
    enforced = [policy for policy in strong if policy.enforced]
    missing = wanted - _together(enforced, wanted)
    payload = _payload(security_defaults, strong, registration, declared, wanted)
    payload["roles_not_covered"] = (
        [] if security_defaults else sorted(n for n, role in roles.items() if role in missing)
    )
    if security_defaults:
        message = "Security defaults are on; they require multifactor authentication of administrators."
        return Result.ok("ADMIN_MFA_ENFORCED", message, payload)
    if not missing:
        complete = [policy for policy in enforced if not has_exclusions(policy, declared)]
        if _together(complete, wanted) == wanted:
            return _by_registration(registration, payload)
        message = "Multifactor authentication is required of administrators, but some may be excluded from it."
        return Result.warn("ADMIN_MFA_EXCLUSIONS", message, payload)
    if _together(strong, wanted) == wanted:
        message = (
            "Conditional Access would require multifactor authentication of administrators, but only reports so far."
        )
        return Result.warn("ADMIN_MFA_REPORT_ONLY", message, payload)
    message = f"Nothing requires multifactor authentication of {len(missing)} of {len(wanted)} administrator roles."
    return Result.fail("ADMIN_MFA_MISSING", message, payload)


def _together(policies: Iterable[AccessPolicy], roles: frozenset[str]) -> frozenset[str]:
    return frozenset[str]().union(*(roles_covered(policy, roles) for policy in policies))


def _by_registration(registration: Registration, payload: dict[str, Any]) -> Result:
    enforced = "Multifactor authentication is required of all administrators"
    if isinstance(registration, CannotTell):
        message = f"{enforced}; whether they have registered for it could not be read. {registration.message}"
        return Result.unknown(registration.reason_code, message, {**registration.payload, **payload})
    unregistered = sum(not administrator.registered for administrator in registration)
    if unregistered:
        message = f"{enforced}, but {unregistered} of {len(registration)} cannot do it: they have no method for it."
        return Result.warn("ADMIN_MFA_UNREGISTERED", message, payload)
    return Result.ok("ADMIN_MFA_ENFORCED", f"{enforced}, and all {len(registration)} have registered.", payload)


def _payload(
    security_defaults: bool,
    policies: list[AccessPolicy],
    registration: Registration,
    declared: frozenset[str],
    wanted: frozenset[str],
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
        "policies": [_shown(policy, declared, wanted) for policy in policies[:MAX_LISTED]],
        **report,
    }


def _shown(policy: AccessPolicy, declared: frozenset[str], wanted: frozenset[str]) -> dict[str, Any]:
    audience = policy.audience
    return {
        "id": policy.id,
        "name": policy.name,
        "state": policy.state,
        "roles_covered": sorted(roles_covered(policy, wanted)),
        "excluded_users": sorted(audience.exclude_users)[:MAX_LISTED],
        "excluded_groups": sorted(audience.exclude_groups)[:MAX_LISTED],
        "excluded_roles": sorted(audience.exclude_roles),
        "leaves_somebody_out": has_exclusions(policy, declared),
    }


@task(
    "identity.admin_mfa",
    step=5,
    title="Administrators sign in with multifactor authentication",
    permissions=(READ_POLICIES, READ_REPORTS),
)
async def identity_admin_mfa(context: TaskContext) -> Result:
    """Reads security defaults and, where they are off, the policies and who has registered for MFA."""
    declared, roles = context.emergency_access, ADMIN_ROLES.administrators
    await context.progress(0, 3, "Reading security defaults")
    if await read_security_defaults(context):
        await context.progress(3, 3, "Done")
        return decide(True, (), (), declared, roles)
    await context.progress(1, 3, "Reading Conditional Access policies")
    policies = access_policies(await read_policies_without_defaults(context))
    await context.progress(2, 3, "Reading who has registered")
    registration = await _read_registration(context)
    await context.progress(3, 3, "Done")
    return decide(False, policies, registration, declared, roles)


async def _read_registration(context: TaskContext) -> Registration:
    try:
        items = await context.graph.list(REPORT, {"$filter": "isAdmin eq true"}, permission=READ_REPORTS)
        return administrators(
            tuple(Fields(item, f"userRegistrationDetails[{index}]") for index, item in enumerate(items))
        )
    except CannotTell as reason:
        return reason


def administrators(entries: tuple[Fields, ...]) -> tuple[Administrator, ...]:
    """The administrators of the report. Raises ``CannotTell`` when a field is missing, or when there is none.

    The report has no disabled users: https://learn.microsoft.com/graph/api/authenticationmethodsroot-list-userregistrationdetails
    """
    users = tuple(
        Administrator(id=entry.text("id"), registered=entry.flag("isMfaRegistered") and entry.flag("isMfaCapable"))
        for entry in entries
        if entry.flag("isAdmin")
    )
    if not users:
        raise CannotTell(DATA_INCOMPLETE, "Microsoft's registration report names no administrator.")
    return users
