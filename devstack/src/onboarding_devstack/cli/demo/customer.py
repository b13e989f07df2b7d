"""Whom the demo is about: a fresh customer who has not consented yet, or one of recorded shape."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from onboarding_devstack.cli.exits import CommandError, Exit

MOST = 2**63 - 1


@dataclass(frozen=True)
class Customer:
    """``tenant`` is the platform's id, ``guid`` Microsoft's, ``control`` what the Graph-shaped server is told of it."""

    tenant: int
    guid: str
    control: Mapping[str, Any]
    recorded: str | None = None


def customer_of(tenant: int) -> str:
    """The customer's tenant id at Microsoft in the story: a GUID, the same for the same tenant."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"tenant-{tenant}.customers.onboarding.localhost"))


def chosen_customer(wanted: str | None) -> Customer:
    """The customer for the option `--tenant`: a tenant id, a recorded customer's name, or None for a fresh tenant.

    Raises `CommandError` for anything else.
    """
    fresh = 1_000_000 + int(time.time()) % 100_000_000
    if wanted is not None and not wanted.lstrip("-").isdecimal():
        return _recorded(wanted, fresh)
    tenant = fresh if wanted is None else int(wanted)
    if not 1 <= tenant <= MOST:
        raise CommandError(Exit.USAGE, f"--tenant must be between 1 and {MOST}")
    return Customer(tenant, customer_of(tenant), {"behaviour": "unconsented"})


def _recorded(name: str, tenant: int) -> Customer:
    from microsoft_emulator.recorded import RECORDED, guid_of

    if name not in RECORDED:
        raise CommandError(Exit.USAGE, f"--tenant {name} is neither a tenant id nor one of: {', '.join(RECORDED)}")
    return Customer(tenant, guid_of(name), msgspec.to_builtins(RECORDED[name].control), name)
