"""The data of one tenant makes no start of another one slow: a start reads what decides it, whatever else there is."""

from typing import Any

import pytest

from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.contracts.types import Scope
from session_api.domain.starting import Start, StartContext
from session_api.store.starts import load_start_context
from tests.integration.session_api.service import CATALOGUE, TENANT, Api, declaration

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"note": {"type": "string"}}}
OFFERS, TAKES = "app.offers", "app.takes"


@pytest.fixture
async def api(api: Api) -> Api:
    """The service with a task type that offers inputs, and one that takes them."""
    offers = declaration(OFFERS, required=False)
    takes = declaration(
        TAKES, scope=Scope.CONNECTION, inputs_schema=SCHEMA, inputs_from={"note": OFFERS}, required=False
    )
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(*CATALOGUE, offers, takes)))
    return api


def start(connection_id: int | None, note: str | None = None) -> Start:
    return Start(TENANT, TAKES, connection_id, 7, None, inputs=None if note is None else {"note": note})


async def context_of(api: Api, *starts: Start) -> StartContext:
    async with api.service.database.transaction() as tx:
        return await load_start_context(tx, starts)


async def test_a_start_reads_only_the_inputs_that_it_compares(api: Api) -> None:
    first, second = await api.connection("first"), await api.connection("second")
    for connection_id in (first, second):
        await api.service.starts.start(start(connection_id, "a"))
    context = await context_of(api, start(first, "a"))

    assert [(run.scope_key, run.has_inputs, run.inputs) for run in context.runs] == [
        (f"connection:{first}", True, {"note": "a"}),
        (f"connection:{second}", True, None),
    ]


async def test_a_start_reads_only_the_offers_of_the_open_session(api: Api) -> None:
    await api.connection()
    session = (await api.session())["id"]
    insert = """
        INSERT INTO operation_runs (tenant_id, task_type, scope_key, mode, session_id, requested_by_user_id, state,
                                    offered_inputs, resend_due_at, finished_at, status, reason_code)
        SELECT :tenant, :task_type, 'tenant', 'shared', number, 7, 'succeeded', CAST(:offered AS json), now(), now(),
               'ok', 'OK'
        FROM generate_series(CAST(:open AS bigint), :open + 100) AS number"""
    await api.rows(insert, tenant=TENANT, task_type=OFFERS, open=session, offered='{"note": "x"}')
    context = await context_of(api, start(None))

    assert [offer.session_id for offer in context.offers] == [session]
