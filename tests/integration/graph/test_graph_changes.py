"""Changes of a task: each verb with its body and ETag, the emulator's answers to them, and what a dry run refuses."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from task_runner.tasks import CannotTell, TaskContext, TaskFault
from task_runner.testing import graph_server, task_context

TENANT = "3c1f1f64-8f0c-4f0e-9a58-6a0f6e1f7a01"
GUEST = "/users/7f0e0d3c-0000-4000-8000-000000000001"

Change = Callable[[TaskContext], Awaitable[Any]]


async def sent_by(change: Change, **answers: Any) -> tuple[Any, dict[str, Any]]:
    """The return value of a change, and the only write that the emulator has received."""
    async with graph_server() as server, task_context(server=server, tenant=TENANT, overrides=answers) as context:
        returned = await change(context)
        (written,) = await server.written(TENANT)
        return returned, written


async def test_patch_sends_its_body_and_its_etag() -> None:
    returned, written = await sent_by(
        lambda context: context.graph.patch(GUEST, {"accountEnabled": False}, etag='W/"1"'),
        **{f"PATCH {GUEST}": None},
    )

    assert returned == {}
    assert written == {
        "method": "PATCH",
        "version": "v1.0",
        "path": GUEST,
        "if_match": 'W/"1"',
        "body": {"accountEnabled": False},
    }


async def test_put_returns_the_object_and_may_use_beta() -> None:
    returned, written = await sent_by(
        lambda context: context.graph.put("/policies/example", {"a": 1}, version="beta"),
        **{"PUT /beta/policies/example": {"id": "example"}},
    )

    assert returned == {"id": "example"}
    assert (written["method"], written["version"], written["if_match"]) == ("PUT", "beta", None)


async def test_delete_has_no_body() -> None:
    returned, written = await sent_by(lambda context: context.graph.delete(GUEST), **{f"DELETE {GUEST}": None})

    assert returned is None
    assert (written["method"], written["path"], written["body"]) == ("DELETE", GUEST, None)


async def test_post_returns_what_was_created() -> None:
    returned, written = await sent_by(
        lambda context: context.graph.post("/groups", {"displayName": "Helpdesk"}),
        **{"POST /groups": {"id": "1"}},
    )

    assert returned == {"id": "1"}
    assert written["body"] == {"displayName": "Helpdesk"}


async def test_the_emulator_refuses_a_change_that_it_was_not_told_of() -> None:
    async with task_context() as context:
        with pytest.raises(CannotTell):
            await context.graph.delete(GUEST)


CHANGES: dict[str, Change] = {
    "post": lambda context: context.graph.post("/groups", {}),
    "patch": lambda context: context.graph.patch(GUEST, {}),
    "put": lambda context: context.graph.put(GUEST, {}),
    "delete": lambda context: context.graph.delete(GUEST),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_dry_run_sends_no_change(change: Change) -> None:
    async with graph_server() as server, task_context(server=server, tenant=TENANT, dry_run=True) as context:
        with pytest.raises(TaskFault) as refused:
            await change(context)

        assert refused.value.reason_code == "DRY_RUN_WRITE_REFUSED"
        assert await server.requested(TENANT) == []
