"""`bind`: lets a tenant reach a tenant at Microsoft, as an operator does."""

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import Data
from onboarding_devstack.cli.token import check_id

if TYPE_CHECKING:
    from onboarding_devstack.tenant_bindings import Operator


def bind(
    *,
    tenant: Annotated[int, Parameter(help="Tenant id on the platform, 1 to 2^63-1.")],
    customer: Annotated[
        uuid.UUID | None, Parameter(help="Tenant id at Microsoft, a GUID. Default: that of `onboarding demo`.")
    ] = None,
    client_id: Annotated[uuid.UUID | None, Parameter(help="The application. Default: that of the emulator.")] = None,
    credential: Annotated[str | None, Parameter(help="Name of the credential. Default: that of the emulator.")] = None,
    url: Annotated[
        str | None, Parameter(help="session-api of a system that `onboarding up` did not start, with --file.")
    ] = None,
    file: Annotated[Path | None, Parameter(help="The file with the bindings of its task-runner.")] = None,
    data: Data = None,
) -> Exit:
    """Bind a tenant to a customer's tenant at Microsoft on the running system; nothing is reached without a binding.

    Replaces the binding that the tenant at Microsoft has so far. Safe to repeat.
    """
    import httpx2

    from onboarding_devstack.cli.demo.customer import customer_of
    from onboarding_devstack.cli.located import option
    from onboarding_devstack.cli.screen import err
    from onboarding_devstack.system import DEMO_CLIENT_ID, DEMO_CREDENTIAL
    from onboarding_devstack.tenant_bindings import BindingRefused, binding_of

    check_id("--tenant", tenant)
    operator = _operator(url, file, data)
    external = customer_of(tenant) if customer is None else str(customer)
    binding = binding_of(
        tenant,
        external,
        DEMO_CLIENT_ID if client_id is None else str(client_id),
        DEMO_CREDENTIAL if credential is None else credential,
    )
    try:
        asyncio.run(operator.bind([binding]))
    except BindingRefused as refused:
        raise CommandError(Exit.FAILED, str(refused), refused.next_step) from None
    except httpx2.TransportError as error:
        message = f"session-api does not answer at {operator.url}: {error}"
        raise CommandError(Exit.UNREACHABLE, message, None if url else ours(f"status{option(data)}")) from None
    err().print(f"bound tenant {tenant} to {external}", markup=False)
    return Exit.OK


def _operator(url: str | None, file: Path | None, data: Path | None) -> "Operator":
    """The operator of the system of a data folder, or of another one whose key pair is there."""
    from onboarding_devstack.cli.located import must_run
    from onboarding_devstack.place import data_folder, identity_of
    from onboarding_devstack.tenant_bindings import Operator, operator_of

    if (url is None) != (file is None):
        raise CommandError(Exit.USAGE, "give --url and --file together")
    if url is None or file is None:
        return operator_of(must_run(data).place)
    identity = identity_of(data_folder(data))
    if not identity.private_key.exists():
        raise CommandError(Exit.CONFLICT, f"{identity.private_key} does not exist: it signs the operator's token")
    return Operator(url, identity, file)
