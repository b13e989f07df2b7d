"""`token`: issues a development token of the embedded identity provider."""

from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveFloat

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.options import Data

LARGEST_ID = 2**63 - 1


def token(
    *,
    user: Annotated[int, Parameter(help="User id, 1 to 2^63-1.")],
    tenant: Annotated[tuple[int, ...], Parameter(help="Tenant id; repeat for several.", negative="")] = (),
    permission: Annotated[
        tuple[str, ...],
        Parameter(
            help="Permission in every --tenant; repeat for several. Default: all but onboarding.platform.", negative=""
        ),
    ] = (),
    grant: Annotated[
        tuple[str, ...],
        Parameter(
            help="Permissions in one tenant, such as 42=onboarding.read,onboarding.run; repeat for several tenants. "
            "Instead of --tenant.",
            negative="",
        ),
    ] = (),
    hours: Annotated[PositiveFloat, Parameter(help="Validity in hours.")] = 12.0,
    data: Data = None,
) -> Exit:
    """Print a development token for the embedded system, and nothing else."""
    from onboarding_devstack.identity import PERMISSIONS, PLATFORM
    from onboarding_devstack.place import data_folder, identity_of

    if bool(tenant) == bool(grant) or (grant and permission):
        raise CommandError(Exit.USAGE, "give --tenant, and --permission if wanted; or --grant for each tenant")
    grants = dict(_grant(text) for text in grant)
    if len(grants) < len(grant):
        raise CommandError(Exit.USAGE, "give --grant once for each tenant")
    check_id("--user", user)
    for tenant_id in (*tenant, *grants):
        check_id("--grant" if grants else "--tenant", tenant_id)
    _check_permissions((*PERMISSIONS, PLATFORM), [*permission, *(name for names in grants.values() for name in names)])
    identity = identity_of(data_folder(data))
    identity.ensure()
    print(identity.token(user, grants or tenant, permission or PERMISSIONS, lifetime=hours * 3600))
    return Exit.OK


def _grant(text: str) -> tuple[int, list[str]]:
    tenant, equals, names = text.partition("=")
    if not (equals and tenant.isascii() and tenant.isdigit()):
        raise CommandError(Exit.USAGE, f"--grant must be TENANT=PERMISSION,…, not {text}")
    return int(tenant), [name for name in names.split(",") if name]


def check_id(option: str, value: int) -> None:
    """Raise `CommandError` for a value that is no id."""
    if not 1 <= value <= LARGEST_ID:
        raise CommandError(Exit.USAGE, f"{option} must be between 1 and {LARGEST_ID}, not {value}")


def _check_permissions(known: Iterable[str], given: Iterable[str]) -> None:
    if unknown := [name for name in given if name not in known]:
        raise CommandError(Exit.USAGE, f"unknown permission: {', '.join(unknown)}; choose from {', '.join(known)}")
