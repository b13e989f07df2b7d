"""``identity.global_admins``: number and kind of Global Administrators."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from task_runner.checks.identity.accounts import READ_USERS, Account, read_accounts
from task_runner.checks.identity.holders import PERMISSIONS, Holder, find_holders, ids_of
from task_runner.checks.identity.principals import Kind
from task_runner.checks.judging import MAX_LISTED, NotJudged, settled
from task_runner.providers.fields import DATA_INCOMPLETE
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

FEWEST = 2
MOST_WELL = 4
MOST = 8


class GlobalAdministrators(msgspec.Struct, frozen=True, kw_only=True):
    """The holders of the role, and the accounts of the users among them by id.

    ``privileged_identity``: eligible assignments were read; without a P2 licence there are none.
    """

    holders: tuple[Holder, ...]
    accounts: Mapping[str, Account]
    privileged_identity: bool = True

    @property
    def people(self) -> tuple[Account, ...]:
        """The accounts of people, members and guests, enabled or not."""
        return tuple(account for account in self._present() if not account.machine)

    @property
    def able(self) -> tuple[Account, ...]:
        """The people who can sign in."""
        return tuple(account for account in self.people if account.enabled)

    @property
    def machines(self) -> list[str]:
        """The ids of applications and machine accounts."""
        own = [account.id for account in self._present() if account.machine]
        return sorted([*own, *ids_of(self.holders, Kind.APPLICATION)])

    @property
    def partners(self) -> list[str]:
        """The ids of groups and other principals of other organizations."""
        return ids_of(self.holders, Kind.PARTNER)

    @property
    def unresolved(self) -> list[str]:
        """The ids of holders that are neither a user nor a group of the tenant: each is one holder at most."""
        return [own for own in ids_of(self.holders, Kind.UNRESOLVED) if own not in self.accounts]

    @property
    def deleted(self) -> list[str]:
        """The ids of users who do not exist any more."""
        return [own for own in ids_of(self.holders, Kind.USER) if own not in self.accounts]

    def _present(self) -> list[Account]:
        return [self.accounts[holder.id] for holder in self.holders if holder.id in self.accounts]


def decide(administrators: GlobalAdministrators) -> Result:
    """Return the result for the holders of the role.

    Only people who can sign in count for the lower limit. Everything that holds the role counts for the upper limits,
    because a disabled account can be enabled again.
    """
    unresolved = administrators.unresolved
    possible = [_decide(administrators, extra) for extra in ((0, len(unresolved)) if unresolved else (0,))]
    message = (
        "This holder of the role is neither a user nor a group of the tenant; Microsoft Graph returns only its id."
    )
    return settled(
        possible,
        [NotJudged(id=own, name=None, reason_code=DATA_INCOMPLETE, message=message) for own in unresolved],
    )


def _decide(administrators: GlobalAdministrators, others: int) -> Result:
    payload = _payload(administrators)
    able, people = len(administrators.able), administrators.people
    total = len(people) + len(administrators.machines) + others
    if able < FEWEST:
        message = f"Only {able} Global Administrators can sign in; at least {FEWEST} are recommended."
        return Result.fail("GA_TOO_FEW", message, payload)
    if total > MOST:
        return Result.fail("GA_TOO_MANY", _too_many(total), payload)
    synced = sum(account.synchronized for account in people)
    if synced:
        message = f"{synced} of {len(people)} Global Administrators are synchronized from on-premises."
        return Result.warn("GA_SYNCED", message, payload)
    if administrators.partners:
        message = f"Other organizations hold Global Administrator: {', '.join(administrators.partners[:10])}."
        return Result.warn("GA_PARTNER", message, payload)
    if total > MOST_WELL:
        return Result.warn("GA_HIGH", _too_many(total), payload)
    message = f"{_composition(administrators)}; no user is synchronized from on-premises, and {able} can sign in."
    return Result.ok("GA_OK", message, payload)


def _composition(administrators: GlobalAdministrators) -> str:
    """Return the number of holders of each kind, as display text."""
    guests = sum(account.guest for account in administrators.people)
    counts = (
        ("users of the tenant", len(administrators.people) - guests),
        ("guests", guests),
        ("applications and machine accounts", len(administrators.machines)),
    )
    return "Global Administrators: " + ", ".join(f"{count} {kind}" for kind, count in counts if count)


def _too_many(total: int) -> str:
    return f"{total} users and applications are Global Administrators; {FEWEST} to {MOST_WELL} are recommended."


def _payload(administrators: GlobalAdministrators) -> dict[str, Any]:
    return {
        "user_count": len(administrators.people),
        "able_count": len(administrators.able),
        "application_count": len(administrators.machines),
        "eligible_read": administrators.privileged_identity,
        "users": [_user(administrators, holder) for holder in _users(administrators)[:MAX_LISTED]],
        "applications": administrators.machines[:MAX_LISTED],
        "partners": administrators.partners[:MAX_LISTED],
        "deleted_users": administrators.deleted[:MAX_LISTED],
        "groups_without_members": ids_of(administrators.holders, Kind.EMPTY_GROUP)[:MAX_LISTED],
        "unresolved": administrators.unresolved[:MAX_LISTED],
    }


def _users(administrators: GlobalAdministrators) -> Sequence[Holder]:
    return [holder for holder in administrators.holders if holder.id in administrators.accounts]


def _user(administrators: GlobalAdministrators, holder: Holder) -> dict[str, Any]:
    account = administrators.accounts[holder.id]
    return {
        **msgspec.to_builtins(account),
        "active": holder.active,
        "eligible": holder.eligible,
        "via_group": holder.via_group,
    }


@task(
    "identity.global_admins",
    step=5,
    title="Two to four Global Administrators, all cloud-only",
    permissions=(*PERMISSIONS, READ_USERS),
)
async def identity_global_admins(context: TaskContext) -> Result:
    """Reads the active and eligible Global Administrators, direct and through groups, and their accounts."""
    await context.progress(0, 2, "Reading the role assignments")
    role = await find_holders(context)
    ids = ids_of(role.holders, Kind.USER, Kind.UNRESOLVED)
    await context.progress(1, 2, f"Reading {len(ids)} users")
    accounts = await read_accounts(context, ids)
    await context.progress(2, 2, "Done")
    administrators = GlobalAdministrators(
        holders=role.holders, accounts=accounts, privileged_identity=role.privileged_identity
    )
    return decide(administrators)
