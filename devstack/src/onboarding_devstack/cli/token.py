"""`token`: issues a development token of the embedded identity provider."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveFloat

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.options import Data

LARGEST_ID = 2**63 - 1


def token(
    *,
    user: Annotated[int, Parameter(help="User id, 1 to 2^63-1.")],
    tenant: Annotated[tuple[int, ...], Parameter(help="Tenant id; repeat for several.", negative="")],
    permission: Annotated[
        tuple[str, ...], Parameter(help="Permission; repeat for several. Default: all.", negative="")
    ] = (),
    hours: Annotated[PositiveFloat, Parameter(help="Validity in hours.")] = 12.0,
    data: Data = None,
) -> Exit:
    """Print a development token for the embedded system, and nothing else."""
    from onboarding_devstack.identity import PERMISSIONS
    from onboarding_devstack.place import data_folder, identity_of

    for name, value in (("--user", user), *(("--tenant", tenant_id) for tenant_id in tenant)):
        if not 1 <= value <= LARGEST_ID:
            raise CommandError(Exit.USAGE, f"{name} must be between 1 and {LARGEST_ID}, not {value}")
    if unknown := [name for name in permission if name not in PERMISSIONS]:
        raise CommandError(
            Exit.USAGE, f"unknown permission: {', '.join(unknown)}; choose from {', '.join(PERMISSIONS)}"
        )
    identity = identity_of(data_folder(data))
    identity.ensure()
    print(identity.token(user, tenant, permission or PERMISSIONS, lifetime=hours * 3600))
    return Exit.OK
