"""`bind`: lets a tenant reach a tenant at Microsoft, as an operator does."""

import asyncio
import uuid
from typing import Annotated

from cyclopts import Parameter

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import Data
from onboarding_devstack.cli.token import check_id


def bind(
    *,
    tenant: Annotated[int, Parameter(help="Tenant id on the platform, 1 to 2^63-1.")],
    customer: Annotated[uuid.UUID, Parameter(help="Tenant id at Microsoft, a GUID.")],
    client_id: Annotated[uuid.UUID | None, Parameter(help="The application. Default: that of the emulator.")] = None,
    credential: Annotated[str | None, Parameter(help="Name of the credential. Default: that of the emulator.")] = None,
    data: Data = None,
) -> Exit:
    """Bind a tenant to a customer's tenant at Microsoft on the running system; nothing is reached without a binding.

    Replaces the binding that the tenant at Microsoft has so far. Safe to repeat.
    """
    import httpx2

    from onboarding_devstack.cli.located import must_run, option
    from onboarding_devstack.cli.screen import err
    from onboarding_devstack.system import DEMO_CLIENT_ID, DEMO_CREDENTIAL
    from onboarding_devstack.tenant_bindings import BindingRefused, binding_of
    from onboarding_devstack.tenant_bindings import bind as bind_on

    check_id("--tenant", tenant)
    system = must_run(data)
    binding = binding_of(
        tenant,
        str(customer),
        DEMO_CLIENT_ID if client_id is None else str(client_id),
        DEMO_CREDENTIAL if credential is None else credential,
    )
    try:
        asyncio.run(bind_on(system.place, [binding]))
    except BindingRefused as refused:
        raise CommandError(Exit.FAILED, str(refused), refused.next_step) from None
    except httpx2.TransportError as error:
        next_step = ours(f"status{option(data)}")
        raise CommandError(Exit.UNREACHABLE, f"session-api does not answer: {error}", next_step) from None
    err().print(f"bound tenant {tenant} to {customer}", markup=False)
    return Exit.OK
