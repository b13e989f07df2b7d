"""Two thousand customers with twelve task types: one statement a page, and times that a person does not notice."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event

from onboarding_devstack.identity import PERMISSIONS, Identity
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from tests.integration.session_api.service import CATALOGUE, Api, declaration

TENANTS = 2000
TASK_TYPES = (*CATALOGUE, *(declaration(f"app.more_{number}") for number in range(4)))
GUARDS = "INSERT INTO tenant_guards (tenant_id) SELECT generate_series(1, 2000)"
SESSIONS = """
INSERT INTO onboarding_sessions (tenant_id, status, current_step)
SELECT tenant, CASE WHEN tenant % 3 = 0 THEN 'completed' ELSE 'in_progress' END, 1 + tenant % 5
FROM generate_series(1, 2000) AS tenant
"""
ENDED_RUNS = """
INSERT INTO operation_runs (tenant_id, task_type, scope_key, mode, requested_by_user_id, state, status, resend_due_at,
                            finished_at)
SELECT tenant, t.name, 'tenant', 'shared', 7, 'succeeded',
       CASE WHEN tenant % 100 = 0 AND t.name = 'app.consent' THEN 'fail' ELSE 'ok' END, now(),
       now() - make_interval(hours => round)
FROM generate_series(1, 2) AS round CROSS JOIN generate_series(1, 2000) AS tenant CROSS JOIN task_types t
"""
WAITING_RUNS = """
INSERT INTO operation_runs (tenant_id, task_type, scope_key, mode, requested_by_user_id, state, resend_due_at)
SELECT tenant, 'app.consent', 'tenant', 'shared', 7, 'waiting', now() FROM generate_series(1, 2000, 50) AS tenant
"""
REASONS = "'$.reasons[*]'"
"""In the statement that reads the reason codes, which are kept for all requests of some seconds."""

Read = Callable[[str], Awaitable[Any]]


@pytest.fixture
async def read(api: Api, identity: Identity) -> Read:
    """Reads a list as a caller of all tenants, and shows how long it took; each is one statement of its own."""
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=TASK_TYPES))
    for statement in (GUARDS, SESSIONS, ENDED_RUNS, WAITING_RUNS, "ANALYZE"):
        await api.rows(statement)
    token = identity.signed({"sub": "7", "tenants": "all", "permissions": list(PERMISSIONS)})
    caller = api.client({"authorization": f"Bearer {token}"})
    assert (await caller.get("/me")).status_code == 200
    statements: list[str] = []
    engine = api.service.database.engine.sync_engine

    def note(*given: Any) -> None:
        if REASONS not in given[2]:
            statements.append(given[2])

    event.listen(engine, "before_cursor_execute", note)

    async def reading(path: str) -> Any:
        times = []
        for _ in range(3):
            statements.clear()
            begin = time.perf_counter()
            answer = await caller.get(path)
            times.append(time.perf_counter() - begin)
            assert answer.status_code == 200, answer.text
            assert len(statements) == 1
        print(f"{path}: {min(times) * 1000:.0f} ms")
        assert min(times) < 5
        return answer.json()

    return reading


async def test_lists_over_two_thousand_customers_are_one_statement(read: Read) -> None:
    assert len(await read("/onboarding/tenants?limit=50")) == 50
    assert len(await read("/onboarding/tenants?limit=50&sort=-step&session=open")) == 50
    assert len(await read("/onboarding/tenants?limit=200&verdict=fail")) == 20
    assert len(await read("/onboarding/tenants?limit=200&activity=waiting")) == 40
    assert len(await read("/onboarding/tenants?limit=50&sort=oldest_evidence")) == 50
    assert len(await read("/onboarding/runs?limit=50&state=waiting")) == 40
    assert len(await read("/onboarding/expiries?limit=200")) == 200
    summary = await read("/onboarding/tenants/summary")
    assert (summary["tenants"], summary["waiting"], summary["need_attention"]) == (TENANTS, 40, 20)
