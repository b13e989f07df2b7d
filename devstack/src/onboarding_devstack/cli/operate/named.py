"""What belongs to a tenant, by the tenant's id and its own: `42/17`."""

from typing import NamedTuple

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.token import LARGEST_ID


class Named(NamedTuple):
    """A run, a session or an item of evidence of a tenant."""

    tenant: int
    id: int

    def __str__(self) -> str:
        return f"{self.tenant}/{self.id}"


def named(text: str, kind: str) -> Named:
    """Read `TENANT/ID`. Raises ``CommandError`` (usage) for anything else."""
    tenant, slash, number = text.partition("/")
    if not (slash and _is_id(tenant) and _is_id(number)):
        raise CommandError(Exit.USAGE, f"a {kind} is named TENANT/ID, such as 42/17, not {text}")
    return Named(int(tenant), int(number))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text) <= LARGEST_ID
