"""The accounts of users: who can sign in, who is a guest or synchronized, and which accounts belong to machines."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext

READ_USERS = "User.Read.All"
IDS_PER_FILTER = 15
"""Maximum number of values in one ``in`` filter of Microsoft Graph."""
SYNCHRONIZATION_ACCOUNT = re.compile(
    r"(sync_.+_[0-9a-f]{12}|adtoaadsyncserviceaccount)@[^@]+\.(onmicrosoft\.(com|us)|partner\.onmschina\.cn)"
)
"""The user principal names that Microsoft Entra Connect and Cloud Sync generate, in lower case.

``Sync_``, the server's name, 12 hexadecimal digits and the initial domain, which nobody else can take. A display name
proves nothing: people choose it.
Source: https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-accounts-permissions
"""

_SELECT = "id,userPrincipalName,accountEnabled,userType,onPremisesSyncEnabled"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account of a user; ``machine``: directory synchronization signs in with it, and no person."""

    id: str
    enabled: bool
    guest: bool = False
    synchronized: bool = False
    machine: bool = False


async def read_accounts(context: TaskContext, ids: Sequence[str]) -> Mapping[str, Account]:
    """Return id to account; users who do not exist (any more) are left out."""
    accounts: dict[str, Account] = {}
    for start in range(0, len(ids), IDS_PER_FILTER):
        id_list = ",".join("'" + user_id.replace("'", "''") + "'" for user_id in ids[start : start + IDS_PER_FILTER])
        users = await context.graph.list(
            "/users", {"$filter": f"id in ({id_list})", "$select": _SELECT}, permission=READ_USERS
        )
        read = [account_of(Fields(item, "user")) for item in users]
        accounts |= {account.id: account for account in read}
    return accounts


def account_of(fields: Fields) -> Account:
    """Return the account of a user. Raise ``CannotTell`` if a field is missing."""
    synchronized = bool(fields.flag_or_none("onPremisesSyncEnabled"))
    return Account(
        id=fields.text("id").lower(),
        enabled=fields.flag("accountEnabled"),
        guest=fields.optional_text("userType").lower() == "guest",
        synchronized=synchronized,
        machine=not synchronized and is_synchronization_account(fields.optional_text("userPrincipalName")),
    )


def is_synchronization_account(principal_name: str) -> bool:
    """Return True for an account with which directory synchronization signs in: it belongs to no person."""
    return SYNCHRONIZATION_ACCOUNT.fullmatch(principal_name.lower()) is not None
