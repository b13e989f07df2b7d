"""Binds tenants on the embedded system, as an operator does: at session-api, and in the file of task-runner."""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import httpx2
import msgspec

from onboarding_devstack.files import write_private
from onboarding_devstack.identity import PLATFORM
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


async def bind(place: Place, bindings: Collection[TenantBinding]) -> None:
    """Set bindings at session-api and add them to the file of task-runner. Idempotent. Raises `BindingRefused`.

    Each replaces the binding that its Microsoft tenant has so far.
    """
    token = place.identity.token(OPERATOR, [], [PLATFORM])
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(
        base_url=addresses(place)["session-api"], headers=headers, trust_env=False, verify=False, timeout=30
    ) as client:
        for binding in bindings:
            await _set(client, binding)
    _add_to_file(place, bindings)


async def _set(client: httpx2.AsyncClient, binding: TenantBinding) -> None:
    answer = await client.put(
        f"/onboarding/tenant-bindings/{binding.cloud}/{binding.external_tenant_id}",
        json={"tenant_id": binding.tenant_id, "client_id": binding.client_id, "credential": binding.credential},
    )
    if not answer.is_success:
        body = answer.json()
        raise BindingRefused(f"{answer.status_code} {body['code']}: {body['error']}", body.get("next"))


def _add_to_file(place: Place, bindings: Collection[TenantBinding]) -> None:
    with _locked(place):
        known = dict(parse_bindings(place.bindings.read_bytes()))
        for binding in map(normalized, bindings):
            known[binding.microsoft_tenant] = binding
        text = msgspec.json.format(msgspec.json.encode([known[tenant] for tenant in sorted(known)]), indent=2)
        write_private(place.bindings, f"{text.decode()}\n")


@contextmanager
def _locked(place: Place) -> Iterator[None]:
    """Keep other processes from changing the file at the same time."""
    descriptor = os.open(place.folder / "bindings.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
