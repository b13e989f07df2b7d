"""A start with inputs, and a dry run: checked, kept, sent to the runner, and repeated by a retry."""

from typing import Any

import httpx2
import pytest

from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.session_api import StartTask
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from tests.integration.session_api.service import CATALOGUE, TENANT, Api, declaration

BASE = f"/tenants/{TENANT}/onboarding"
TASK = "group.create"
SCHEMA: dict[str, Any] = {
    "$ref": "#/$defs/Group",
    "$defs": {
        "Group": {
            "type": "object",
            "properties": {
                "group": {"type": "string", "maxLength": 20},
                "days": {"type": "number", "minimum": 1, "maximum": 90, "default": 30},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 20000},
            },
            "required": ["group"],
            "additionalProperties": False,
        }
    },
}
INPUTS = {"group": "Helpdesk", "days": 7.0, "tags": ["ü"]}


@pytest.fixture
async def api(api: Api) -> Api:
    """The service with a task type that takes inputs."""
    await api.consume(
        TaskTypesAnnounced(
            tenant_id=0, task_types=(*CATALOGUE, declaration(TASK, inputs_schema=SCHEMA, supports_dry_run=True))
        )
    )
    return api


async def commands(api: Api) -> list[StartTask]:
    """The commands in the outbox, in order."""
    rows = await api.rows("SELECT data FROM outbox WHERE event_type LIKE '%StartTask%' ORDER BY id")
    messages = [decode_data("onboarding.task-commands.v1", bytes(data)) for (data,) in rows]
    return [message for message in messages if isinstance(message, StartTask)]


async def run_of(api: Api, answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return dict((await api.caller().get(answer.json()["url"])).json())


async def statuses(api: Api) -> dict[str, str]:
    tasks = (await api.caller().get(f"{BASE}/tasks")).json()
    return {task["task_type"]: task["status"] for task in tasks}


async def test_a_start_keeps_its_inputs_and_sends_them(api: Api) -> None:
    run = await run_of(api, await api.start(TASK, {"inputs": INPUTS, "dry_run": True}))
    [command] = await commands(api)

    assert (run["inputs"], run["dry_run"]) == (INPUTS, True)
    assert (command.run_id, command.inputs, command.dry_run) == (run["id"], INPUTS, True)


async def test_a_start_without_inputs_has_none(api: Api) -> None:
    run = await run_of(api, await api.start("app.consent"))
    [command] = await commands(api)

    assert (run["inputs"], run["dry_run"], command.inputs, command.dry_run) == (None, False, None, False)


async def test_a_resent_command_has_the_same_inputs(api: Api) -> None:
    await api.start(TASK, {"inputs": INPUTS, "dry_run": True})
    await api.rows("UPDATE operation_runs SET resend_due_at = now()")
    assert await api.service.sweeper.sweep() == 1
    first, second = await commands(api)

    assert (second.inputs, second.dry_run, second.repeat) == (first.inputs, True, 1)


async def test_a_retry_repeats_inputs_and_dry_run(api: Api) -> None:
    first = (await api.start(TASK, {"inputs": INPUTS, "dry_run": True})).json()["run_id"]
    await api.finish(first, TASK, "fail")
    run = await run_of(api, await api.caller().post(f"{BASE}/runs/{first}/retry"))

    assert (run["inputs"], run["dry_run"], run["retry_of_run_id"]) == (INPUTS, True, first)


async def test_a_retry_is_refused_when_the_schema_changed(api: Api) -> None:
    first = (await api.start(TASK, {"inputs": INPUTS})).json()["run_id"]
    await api.finish(first, TASK, "fail")
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(declaration(TASK),)))
    answer = await api.caller().post(f"{BASE}/runs/{first}/retry")

    assert (answer.status_code, answer.json()["code"]) == (400, "INPUTS_NOT_ACCEPTED")


@pytest.mark.parametrize(
    ("task", "body", "code", "named"),
    [
        (TASK, {}, "INPUTS_INVALID", ("/group", "required")),
        (TASK, {"inputs": {}}, "INPUTS_INVALID", ("/group", "required")),
        (TASK, {"inputs": {"group": "x", "days": 91}}, "INPUTS_INVALID", ("/days", "maximum")),
        (TASK, {"inputs": {"group": "x", "a": 1}}, "INPUTS_INVALID", ("/a", "additionalProperties")),
        (TASK, {"inputs": {"group": "x", "tags": ["a", 5]}}, "INPUTS_INVALID", ("/tags/1", "type")),
        (TASK, {"inputs": {"group": "x", "tags": ["aaaa"] * 3000}}, "INPUTS_INVALID", ("", "maxBytes")),
        (TASK, {"inputs": {"group": [[[[[[[[]]]]]]]]}}, "INPUTS_INVALID", ("", "maxDepth")),
        (TASK, {"inputs": {"group": "x", "days": 10**30}}, "INPUTS_INVALID", ("", "maximum")),
        ("app.consent", {"inputs": {}}, "INPUTS_NOT_ACCEPTED", None),
        ("app.consent", {"dry_run": True}, "DRY_RUN_NOT_SUPPORTED", None),
    ],
)
@pytest.mark.parametrize("validate_only", [False, True])
async def test_inputs_that_do_not_fit_start_nothing(
    api: Api, task: str, body: dict[str, Any], code: str, named: tuple[str, str] | None, validate_only: bool
) -> None:
    answer = await api.start(task, {**body, "validate_only": validate_only})
    problem = answer.json()

    assert (answer.status_code, problem["code"]) == (400, code)
    assert (named is None and "pointer" not in problem) or (problem["pointer"], problem["rule"]) == named
    assert await api.rows("SELECT id FROM operation_runs") == []
    assert await commands(api) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"inputs": []}', "INVALID_FIELD"),
        (b'{"inputs": "x"}', "INVALID_FIELD"),
        (b'{"dry_run": 1}', "INVALID_FIELD"),
        (b'{"inputs": {"days": NaN}}', "INVALID_JSON"),
        (b'{"inputs": {"days": Infinity}}', "INVALID_JSON"),
        (b'{"inputs": {"group": "\\u0000"}}', "NUL_CHARACTER"),
        (b'{"inputs": {"group": "\\ud800"}}', "LONE_SURROGATE"),
        (b'{"inputs": {"a": ' + b"[" * 32 + b"]" * 32 + b"}}", "NESTING_TOO_DEEP"),
    ],
)
async def test_hostile_inputs_are_refused_as_any_body(api: Api, content: bytes, code: str) -> None:
    answer = await api.caller().post(
        f"{BASE}/tasks/{TASK}/runs", content=content, headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await api.rows("SELECT id FROM operation_runs") == []


async def test_of_duplicate_keys_the_last_counts(api: Api) -> None:
    answer = await api.caller().post(
        f"{BASE}/tasks/{TASK}/runs",
        content=b'{"inputs": {"group": 5, "group": "last"}}',
        headers={"content-type": "application/json"},
    )

    assert (await run_of(api, answer))["inputs"] == {"group": "last"}


async def test_numbers_stay_as_they_were_sent(api: Api) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "array", "items": {"type": "number"}}}}
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(declaration("n.n", inputs_schema=schema),)))
    numbers = {"n": [1, 1.0, -0.5, 1e300, 2**63 - 1, -(2**63)]}
    run = await run_of(api, await api.start("n.n", {"inputs": numbers}))

    assert repr(run["inputs"]) == repr(numbers)
    assert (await api.start("n.n", {"inputs": numbers})).json()["outcome"] == "reused"


async def test_only_the_same_inputs_reuse_an_active_run(api: Api) -> None:
    first = (await api.start(TASK, {"inputs": {"group": "a", "days": 7}})).json()
    same = await api.start(TASK, {"inputs": {"days": 7, "group": "a"}})
    others = [
        await api.start(TASK, {"inputs": {"group": "b", "days": 7}}),
        await api.start(TASK, {"inputs": {"group": "a", "days": 7}, "dry_run": True}),
    ]

    assert same.json() == {**first, "outcome": "reused"}
    for answer in others:
        assert (answer.status_code, answer.json()["code"]) == (409, "BLOCKED_BY_RUN")
        assert answer.json()["blocking_run"]["run_id"] == first["run_id"]


async def test_a_preflight_with_inputs_starts_nothing(api: Api) -> None:
    answer = await api.start(TASK, {"inputs": INPUTS, "dry_run": True, "validate_only": True})

    assert (answer.status_code, answer.json()["would"]) == (200, "create")
    assert await api.rows("SELECT id FROM operation_runs") == []


async def test_a_step_starts_its_tasks_without_inputs(api: Api) -> None:
    answer = await api.caller().post(f"{BASE}/steps/1/runs")
    outcomes = {started["task_type"]: (started["outcome"], started["code"]) for started in answer.json()}

    assert outcomes == {"graph.connectivity": ("started", None), TASK: ("refused", "INPUTS_INVALID")}


async def test_a_dry_run_is_not_the_verdict_of_its_task(api: Api) -> None:
    first = (await api.start(TASK, {"inputs": INPUTS})).json()["run_id"]
    await api.finish(first, TASK, "fail")
    dry = (await api.start(TASK, {"inputs": INPUTS, "dry_run": True})).json()["run_id"]
    await api.finish(dry, TASK, "ok")
    tasks = (await api.caller().get(f"{BASE}/tasks")).json()
    [task] = [task for task in tasks if task["task_type"] == TASK]
    [step, *_] = (await api.caller().get(f"{BASE}/steps")).json()

    assert (task["status"], task["last_run_id"]) == ("fail", first)
    assert TASK in {missing["task_type"] for missing in step["missing"]}


async def test_a_task_that_only_ran_dry_has_never_run(api: Api) -> None:
    dry = (await api.start(TASK, {"inputs": INPUTS, "dry_run": True})).json()["run_id"]
    await api.finish(dry, TASK, "ok")

    assert (await statuses(api))[TASK] == "unknown"


async def test_a_dry_run_does_not_make_a_task_previously_ok(api: Api) -> None:
    dry = (await api.start(TASK, {"inputs": INPUTS, "dry_run": True})).json()["run_id"]
    await api.finish(dry, TASK, "ok")
    await api.start(TASK, {"inputs": INPUTS})

    assert [command.previously_ok for command in await commands(api)] == [False, False]


async def test_the_catalogue_shows_schema_and_dry_run(api: Api) -> None:
    task_types = (await api.caller().get("/onboarding/task-types")).json()
    shown = {kind["name"]: (kind["inputs_schema"], kind["supports_dry_run"]) for kind in task_types}

    assert (shown[TASK], shown["app.consent"]) == ((SCHEMA, True), (None, False))


@pytest.mark.parametrize(
    "schema", [{"$ref": "http://127.0.0.1:9/x"}, {"description": "a" * 20_000}, {"type": "nope"}, {"allOf": []}]
)
async def test_a_hostile_schema_keeps_only_its_task_out(api: Api, schema: dict[str, Any]) -> None:
    announced = (declaration("bad.task", inputs_schema=schema), declaration("good.task"))
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=announced))
    names = {kind["name"] for kind in (await api.caller().get("/onboarding/task-types")).json()}

    assert ("bad.task" in names, "good.task" in names) == (False, True)
