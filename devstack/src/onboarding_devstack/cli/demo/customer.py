"""The customer of the demo: one that never consented, or a recorded one that has."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.system import DEMO_CLIENT_ID

MOST = 2**63 - 1


@dataclass(frozen=True)
class Customer:
    """A customer: the id on the platform, the id at Microsoft, and the control request for the Graph-shaped server."""

    tenant: int
    guid: str
    control: Mapping[str, Any]
    recorded: str | None = None


def customer_of(tenant: int) -> str:
    """The tenant id at Microsoft: a GUID derived from the tenant id."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"tenant-{tenant}.customers.onboarding.localhost"))


def chosen_customer(wanted: str | None) -> Customer:
    """The customer for the option `--tenant`: a tenant id, the name of a recorded customer, or None for a new tenant.

    Raises `CommandError` for anything else.
    """
    fresh = 1_000_000 + int(time.time()) % 100_000_000
    if wanted is not None and not wanted.lstrip("-").isdecimal():
        return _recorded(wanted, fresh)
    tenant = fresh if wanted is None else int(wanted)
    if not 1 <= tenant <= MOST:
        raise CommandError(Exit.USAGE, f"--tenant must be between 1 and {MOST}")
    return Customer(tenant, customer_of(tenant), {"relationships": []})


def _recorded(name: str, tenant: int) -> Customer:
    from microsoft_emulator.recorded import RECORDED, control_request, guid_of

    if name not in RECORDED:
        raise CommandError(Exit.USAGE, f"--tenant {name} is neither a tenant id nor one of: {', '.join(RECORDED)}")
    return Customer(tenant, guid_of(name), control_request(name, DEMO_CLIENT_ID), name)
