"""``identity.global_admins``: number and kind of Global Administrators."""

from typing import Any

import msgspec

from task_runner.checks.identity.holders import PERMISSIONS, find_holders, synchronized
from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

FEWEST = 2
MOST_WELL = 4
MOST = 8
MAX_LISTED = 200


class GlobalAdministrator(msgspec.Struct, frozen=True, kw_only=True):
    """A user with an active or eligible assignment of the Global Administrator role."""

    id: str
    active: bool
    eligible: bool
    via_group: bool
    synchronized: bool


def decide(users: tuple[GlobalAdministrator, ...], applications: tuple[str, ...], privileged_identity: bool) -> Result:
    """Return the result for the users and applications that have the role.

    ``privileged_identity``: eligible assignments were read; without a P2 licence there are none. Applications count
    for the upper limits, not for the lower limit.
    """
    payload = _payload(users, applications, privileged_identity)
    total = len(users) + len(applications)
    synced = sum(user.synchronized for user in users)
    if len(users) < FEWEST:
        message = f"Only {len(users)} users are Global Administrators; at least {FEWEST} are recommended."
        return Result.fail("GA_TOO_FEW", message, payload)
    if total > MOST:
        message = f"{total} users and applications are Global Administrators; {FEWEST} to {MOST_WELL} are recommended."
        return Result.fail("GA_TOO_MANY", message, payload)
    if synced:
        message = f"{synced} of {len(users)} Global Administrators are synchronized from on-premises."
        return Result.warn("GA_SYNCED", message, payload)
    if total > MOST_WELL:
        message = f"{total} users and applications are Global Administrators; {FEWEST} to {MOST_WELL} are recommended."
        return Result.warn("GA_HIGH", message, payload)
    return Result.ok("GA_OK", f"{total} Global Administrators, all cloud-only.", payload)


def _payload(
    users: tuple[GlobalAdministrator, ...], applications: tuple[str, ...], privileged_identity: bool
) -> dict[str, Any]:
    return {
        "user_count": len(users),
        "application_count": len(applications),
        "eligible_read": privileged_identity,
        "users": [msgspec.to_builtins(user) for user in users[:MAX_LISTED]],
        "applications": list(applications[:MAX_LISTED]),
    }


@task(
    "identity.global_admins",
    step=5,
    title="Two to four Global Administrators, all cloud-only",
    permissions=PERMISSIONS,
)
async def identity_global_admins(context: TaskContext) -> Result:
    """Reads the active and eligible Global Administrators, direct and through groups, and their synchronization."""
    await context.progress(0, 2, "Reading the role assignments")
    role = await find_holders(context)
    users = [holder for holder in role.holders if holder.is_user]
    await context.progress(1, 2, f"Reading {len(users)} users")
    flags = await synchronized(context, [holder.id for holder in users])
    administrators = tuple(
        GlobalAdministrator(
            id=holder.id,
            active=holder.active,
            eligible=holder.eligible,
            via_group=holder.via_group,
            synchronized=Fields(flags, "users").flag(holder.id),
        )
        for holder in users
    )
    await context.progress(2, 2, "Done")
    applications = tuple(holder.id for holder in role.holders if not holder.is_user)
    return decide(administrators, applications, role.privileged_identity)
