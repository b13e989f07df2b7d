"""Inputs that a run offers to later ones: kept with the run, and used by starts that omit them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.session_api import StartTask
from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed, TaskTypesAnnounced
from onboarding_shared.contracts.types import CheckStatus, RunState, Scope
from tests.integration.session_api.service import CATALOGUE, TENANT, Api, declaration

BASE = f"/tenants/{TENANT}/onboarding"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"relationship_id": {"type": ["string", "null"], "maxLength": 100}},
    "additionalProperties": False,
}
INVITE, CHECK = "gdap.invite", "gdap.relationship"
OFFERED = {"relationship_id": "1f0c-2e"}


@pytest.fixture
async def api(api: Api) -> Api:
    """The service with an invitation and a check of it, and a session with a connection."""
    invite = declaration(INVITE, scope=Scope.CONNECTION, required=False)
    check = declaration(CHECK, scope=Scope.CONNECTION, inputs_schema=SCHEMA, inputs_from={"relationship_id": INVITE})
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(*CATALOGUE, invite, check)))
    await api.connection()
    await api.session()
    return api


async def run_of(api: Api, run_id: int) -> dict[str, Any]:
    return dict((await api.caller().get(f"{BASE}/runs/{run_id}")).json())


async def invited(api: Api, offered: Any = OFFERED) -> int:
    """An invitation that waits for the customer."""
    run_id = int((await api.start(INVITE)).json()["run_id"])
    await api.begin(run_id, INVITE)
    await api.consume(
        RunProgressed(
            tenant_id=TENANT,
            run_id=run_id,
            task_type=INVITE,
            attempt=1,
            state=RunState.WAITING,
            reason_code="GDAP_APPROVAL_PENDING",
            resume_at=datetime.now(UTC) + timedelta(minutes=5),
            offered_inputs=offered,
        )
    )
    return run_id


async def finish(api: Api, run_id: int, state: RunState = RunState.SUCCEEDED, **payload: Any) -> None:
    await api.consume(
        RunFinished(
            tenant_id=TENANT,
            run_id=run_id,
            task_type=INVITE,
            attempt=1,
            state=state,
            status=CheckStatus.OK,
            reason_code="GDAP_ACTIVE",
            payload=payload,
            finished_at=datetime.now(UTC),
        )
    )


async def inputs_of_a_check(api: Api, body: Any = None) -> Any:
    answer = await api.start(CHECK, body)
    assert answer.status_code == 201, answer.text
    run_id = answer.json()["run_id"]
    shown = (await run_of(api, run_id))["inputs"]
    await api.finish(run_id, CHECK)
    rows = await api.rows("SELECT data FROM outbox WHERE event_type LIKE '%StartTask%' ORDER BY id DESC LIMIT 1")
    command = decode_data("onboarding.task-commands.v1", bytes(rows[0][0]))
    assert isinstance(command, StartTask)
    assert (command.run_id, command.inputs) == (run_id, shown)
    return shown


async def test_a_start_has_the_invitation_that_waits(api: Api) -> None:
    await invited(api)

    assert await inputs_of_a_check(api) == OFFERED
    assert await inputs_of_a_check(api, {"inputs": {}}) == OFFERED


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.CANCELLED, RunState.TIMED_OUT])
async def test_the_invitation_stays_when_its_run_ends(api: Api, state: RunState) -> None:
    await finish(api, await invited(api), state)

    assert await inputs_of_a_check(api) == OFFERED


async def test_the_latest_offer_counts(api: Api) -> None:
    await finish(api, await invited(api), offered_inputs={"relationship_id": "of the end"})
    assert await inputs_of_a_check(api) == {"relationship_id": "of the end"}
    await finish(api, await invited(api, {"relationship_id": "newer"}))

    assert await inputs_of_a_check(api) == {"relationship_id": "newer"}


async def test_a_named_invitation_counts_more(api: Api) -> None:
    await finish(api, await invited(api))

    for given in ({"relationship_id": "other"}, {"relationship_id": None}):
        assert await inputs_of_a_check(api, {"inputs": given}) == given


async def test_all_starts_of_a_step_have_it(api: Api) -> None:
    await finish(api, await invited(api))
    answer = await api.caller().post(f"{BASE}/steps/1/runs")
    started = {start["task_type"]: start["run_id"] for start in answer.json()}

    assert (await run_of(api, started[CHECK]))["inputs"] == OFFERED
    assert (await run_of(api, started["graph.connectivity"]))["inputs"] is None


async def test_another_session_begins_without_it(api: Api) -> None:
    await finish(api, await invited(api))
    session = await api.session()
    await api.caller().post(f"{BASE}/session/{session['id']}/abandon")
    await api.session()

    assert await inputs_of_a_check(api) is None


async def test_another_connection_does_not_have_it(api: Api) -> None:
    await finish(api, await invited(api))
    other = await api.connection("second")

    assert await inputs_of_a_check(api, {"provider_connection_id": other}) is None


async def test_an_offer_beyond_the_bounds_is_not_kept(api: Api) -> None:
    await finish(api, await invited(api, {"relationship_id": "x" * 17_000}))

    assert await inputs_of_a_check(api) is None


async def test_the_catalogue_names_where_inputs_come_from(api: Api) -> None:
    task_types = {kind["name"]: kind for kind in (await api.caller().get("/onboarding/task-types")).json()}

    assert task_types[CHECK]["inputs_from"] == {"relationship_id": INVITE}
    assert task_types[INVITE]["inputs_from"] == {}
