"""The registration of administrators for multifactor authentication (MFA), from Microsoft's report.

The report contains guests, which register in their own tenant, and the account of directory synchronization, which
cannot register. It does not contain disabled users.
Source: https://learn.microsoft.com/graph/api/authenticationmethodsroot-list-userregistrationdetails
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from task_runner.checks.identity.accounts import is_synchronization_account
from task_runner.checks.judging import MAX_LISTED, NotJudged
from task_runner.checks.lists import PLANS
from task_runner.checks.subscriptions import confirm_unlicensed
from task_runner.providers.fields import DATA_INCOMPLETE, Fields
from task_runner.providers.graph_errors import NOT_LICENSED, GraphRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.result import CannotTell

READ_REPORTS = "AuditLog.Read.All"
REPORT = "/reports/authenticationMethods/userRegistrationDetails"


class Administrator(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator in the report; ``registered``: registered for a method of MFA that the tenant allows."""

    id: str
    registered: bool


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """The administrators of the tenant, and those whose registration says nothing: guests and machine accounts."""

    administrators: tuple[Administrator, ...]
    guests: tuple[str, ...] = ()
    machine_accounts: tuple[str, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()

    @property
    def unregistered(self) -> tuple[str, ...]:
        """The ids of the administrators who have not registered."""
        return tuple(user.id for user in self.administrators if not user.registered)

    def payload(self) -> dict[str, Any]:
        """Return the evidence."""
        ids = [user.id for user in self.administrators]
        return {
            "registration_read": True,
            "registration_reason": None,
            "administrator_count": len(ids),
            "administrator_ids": ids[:MAX_LISTED],
            "unregistered_ids": list(self.unregistered[:MAX_LISTED]),
            "guest_ids": list(self.guests[:MAX_LISTED]),
            "machine_account_ids": list(self.machine_accounts[:MAX_LISTED]),
        }


Report = Registration | CannotTell
"""The registration, or the reason for which the report could not be read."""


async def read_registration(context: TaskContext) -> Report:
    """Read the report; a refusal for want of a licence is confirmed first."""
    try:
        items = await context.graph.list(REPORT, {"$filter": "isAdmin eq true"}, permission=READ_REPORTS)
        return registration_of(items)
    except GraphRefused as refused:
        if refused.reason_code == NOT_LICENSED:
            await confirm_unlicensed(context, refused, PLANS.premium)
        return refused
    except CannotTell as failure:
        return failure


def registration_of(items: Iterable[object]) -> Registration:
    """Return the registration in a response. Raise ``CannotTell`` if it contains no administrator at all."""
    administrators: list[Administrator] = []
    guests: list[str] = []
    machines: list[str] = []
    not_judged: list[NotJudged] = []
    for index, item in enumerate(items):
        try:
            fields = Fields(item, f"userRegistrationDetails[{index}]")
            if not fields.flag("isAdmin"):
                continue
            object_id = fields.text("id").lower()
            if fields.optional_text("userType").lower() == "guest":
                guests.append(object_id)
            elif is_synchronization_account(fields.optional_text("userPrincipalName")):
                machines.append(object_id)
            else:
                administrators.append(Administrator(id=object_id, registered=fields.flag("isMfaCapable")))
        except CannotTell as failure:
            not_judged.append(NotJudged.of(item, failure, "userPrincipalName"))
    if not (administrators or not_judged):
        raise CannotTell(DATA_INCOMPLETE, "The registration report contains no administrator.")
    return Registration(
        administrators=tuple(administrators),
        guests=tuple(guests),
        machine_accounts=tuple(machines),
        not_judged=tuple(not_judged),
    )


def could_be(registration: Registration) -> Sequence[Registration]:
    """Return the registration without the administrators that cannot be judged, and with one that is not registered."""
    if not registration.not_judged:
        return (registration,)
    other = Administrator(id="possible", registered=False)
    return (
        registration,
        msgspec.structs.replace(registration, administrators=(*registration.administrators, other)),
    )
