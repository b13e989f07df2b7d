"""Binds tenants on a system of devstack, as an operator does: at session-api, and in the file of task-runner."""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import msgspec

from onboarding_devstack.files import write_private
from onboarding_devstack.identity import PLATFORM, Identity
from onboarding_devstack.place import Place
from onboarding_devstack.system import DEMO_CLIENT_ID, DEMO_CREDENTIAL, addresses
from onboarding_shared.contracts.bindings import TenantBinding, normalized, parse_bindings

OPERATOR = 1
"""The user id of the operator."""


class BindingRefused(Exception):
    """session-api refused a binding: its message and its next step."""

    def __init__(self, message: str, next_step: str | None) -> None:
        super().__init__(message)
        self.next_step = next_step


def binding_of(
    tenant: int, customer: str, client_id: str = DEMO_CLIENT_ID, credential: str = DEMO_CREDENTIAL
) -> TenantBinding:
    """The binding of a tenant to a customer's tenant at Microsoft."""
    return TenantBinding(tenant_id=tenant, external_tenant_id=customer, client_id=client_id, credential=credential)


@dataclass(frozen=True)
class Operator:
    """An operator's access to a system: its session-api, the key pair of tokens, and the file of task-runner."""

    url: str
    identity: Identity
    file: Path

    async def bind(self, bindings: Collection[TenantBinding]) -> None:
        """Set bindings at session-api, then add them to the file. Idempotent. Raises `BindingRefused`.

        Each replaces the binding that its Microsoft tenant has so far.
        """
        await self.bind_at_session_api(bindings)
        with _locked(self.file.with_suffix(".lock")):
            _add_to(self.file, bindings)

    async def bind_at_session_api(self, bindings: Collection[TenantBinding]) -> None:
        """Set bindings there alone. Raises `BindingRefused`."""
        headers = {"Authorization": f"Bearer {self.identity.token(OPERATOR, [], [PLATFORM])}"}
        async with httpx2.AsyncClient(
            base_url=self.url, headers=headers, trust_env=False, verify=False, timeout=30
        ) as client:
            for binding in bindings:
                await _set(client, binding)


async def bind(place: Place, bindings: Collection[TenantBinding]) -> None:
    """Bind tenants on an embedded system. Idempotent. Raises `BindingRefused`."""
    await operator_of(place).bind(bindings)


def operator_of(place: Place) -> Operator:
    """The operator of an embedded system."""
    return Operator(addresses(place)["session-api"], place.identity, place.bindings)


async def _set(client: httpx2.AsyncClient, binding: TenantBinding) -> None:
    answer = await client.put(
        f"/onboarding/tenant-bindings/{binding.cloud}/{binding.external_tenant_id}",
        json={"tenant_id": binding.tenant_id, "client_id": binding.client_id, "credential": binding.credential},
    )
    if not answer.is_success:
        body = answer.json()
        raise BindingRefused(f"{answer.status_code} {body['code']}: {body['error']}", body.get("next"))


def _add_to(file: Path, bindings: Collection[TenantBinding]) -> None:
    known = dict(parse_bindings(file.read_bytes()))
    for binding in map(normalized, bindings):
        known[binding.microsoft_tenant] = binding
    text = msgspec.json.format(msgspec.json.encode([known[tenant] for tenant in sorted(known)]), indent=2)
    write_private(file, f"{text.decode()}\n")


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep other processes from changing the bindings at the same time."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
