"""A message that names the Microsoft tenant of another customer: nothing is sent there."""

import time
from pathlib import Path

import pytest

from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import TaskFault, discover
from task_runner.testing import CREDENTIAL, CREDENTIAL_NAME, CREDENTIALS, connection_to, graph_server
from tests.support.bindings import bindings_of

TASKS = discover()
VICTIM, ATTACKER = 450, 451
CONTOSO = "aaaaaaaa-0000-4000-8000-000000000450"


async def test_a_forged_start_for_another_tenant_reaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CREDENTIAL_NAME, CREDENTIAL)
    connection = connection_to(CONTOSO)
    (tmp_path / "bindings.json").write_bytes(bindings_of(VICTIM, connection))
    async with graph_server() as server:
        await server.tell(CONTOSO)
        settings = ProviderSettings(
            graph_url=server.url,
            login_url=server.url,
            credentials=CREDENTIALS,
            bindings_path=str(tmp_path / "bindings.json"),
        )
        async with Providers(settings) as providers:
            await providers.bindings.refresh()

            async def run(tenant: int, task_type: str = "graph.connectivity") -> str:
                context = providers.context_for(
                    tenant_id=tenant, run_id=1, attempt=1, connection=connection, deadline=time.monotonic() + 20
                )
                try:
                    return (await TASKS[task_type](context)).reason_code
                except TaskFault as fault:
                    return fault.reason_code

            refused = {task_type: await run(ATTACKER, task_type) for task_type in ("graph.connectivity", "app.consent")}
            asked = await server.requested(CONTOSO)

            assert refused == dict.fromkeys(refused, "CREDENTIAL_NOT_FOR_TENANT")
            assert asked == []
            assert await run(VICTIM) == "GRAPH_OK"
            assert await run(ATTACKER) == "CREDENTIAL_NOT_FOR_TENANT"
