"""The deployment that a command talks to: by address and token, else the embedded system of this machine."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from onboarding_devstack.cli.exits import CommandError, Exit

ADDRESS_VARIABLE = "SESSION_API"
TOKEN_VARIABLE = "TOKEN"  # noqa: S105 - the name of a variable
USER = 7
"""The user of tokens for the embedded system."""

Address = Annotated[
    str | None,
    Parameter(
        name="--address",
        help=f"URL of session-api. Default: the variable {ADDRESS_VARIABLE}, else the running embedded system.",
    ),
]
Token = Annotated[
    str | None,
    Parameter(
        name="--token",
        help=f"Token of a user of the tenant; a variable keeps it out of the list of processes. Default: the variable"
        f" {TOKEN_VARIABLE}, else one for the embedded system.",
    ),
]


@dataclass(frozen=True)
class Deployment:
    """The address of session-api, and a token."""

    url: str
    token: str


def deployment(address: str | None, token: str | None, tenant: int, data: Path | None) -> Deployment:
    """The chosen deployment. Raises `CommandError` without a token for another one than the embedded system."""
    given = token or os.environ.get(TOKEN_VARIABLE)
    url = address or (os.environ.get(ADDRESS_VARIABLE) if data is None else None)
    if url is None:
        return _embedded(token, tenant, data)
    if not given:
        raise CommandError(Exit.CONFLICT, f"no token for {url}", f"export {TOKEN_VARIABLE}=…, of tenant {tenant}")
    return Deployment(url, given)


def _embedded(token: str | None, tenant: int, data: Path | None) -> Deployment:
    from onboarding_devstack.cli.located import must_run
    from onboarding_devstack.system import addresses

    place = must_run(data).place
    return Deployment(addresses(place)["session-api"], token or place.identity.token(USER, [tenant]))
