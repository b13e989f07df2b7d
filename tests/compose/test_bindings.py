"""A tenant reaches a tenant at Microsoft only after an operator bound it in both places."""

import pytest

from onboarding_devstack.tenant_bindings import binding_of
from tests.support.composed import Composed

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

UNKNOWN_TO_THE_FILE, UNBOUND = 77001, 77002


async def test_an_unbound_connection_is_refused(system: Composed) -> None:
    async with system.caller(UNBOUND) as caller:
        answer = await caller.post(
            "/provider-connections",
            json={
                "display_name": "Of somebody else",
                "external_tenant_id": caller.external_tenant,
                "client_id": "66666666-7777-4888-9999-aaaaaaaaaaaa",
                "credential_ref": "demo",
            },
        )
    assert (answer.status_code, answer.json()["code"]) == (409, "CONNECTION_NOT_BOUND")


async def test_the_runner_asks_its_own_file(system: Composed) -> None:
    async with system.caller(UNKNOWN_TO_THE_FILE) as caller:
        await caller.connect("healthy")
        refused = await caller.ended(await caller.start("graph.connectivity"))
        assert refused["result"]["reason_code"] == "CREDENTIAL_NOT_FOR_TENANT"

        customer = ["--tenant", str(caller.tenant), "--customer", caller.external_tenant]
        system.compose("run", "--rm", "bind", *customer)
        allowed = await caller.ended(await caller.start("graph.connectivity"))
        assert allowed["result"]["status"] == "ok"


async def test_one_file_is_applied_to_both_services(system: Composed) -> None:
    command = ["session-api", "bindings", "apply", "/run/bindings/bindings.json", "--user", "1"]
    system.compose("exec", "-T", "session-api", *command)
    async with system.caller() as caller:
        await caller.connect("healthy", bind=False)
        assert (await caller.ended(await caller.start("graph.connectivity")))["result"]["status"] == "ok"


async def test_a_technicians_token_binds_nothing(system: Composed) -> None:
    async with system.caller() as caller:
        binding = binding_of(caller.tenant, caller.external_tenant)
        answer = await caller.http.put(
            f"/onboarding/tenant-bindings/{binding.cloud}/{binding.external_tenant_id}",
            json={"tenant_id": binding.tenant_id, "client_id": binding.client_id, "credential": binding.credential},
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_MISSING")
