"""The decorator: what it accepts, what it refuses, and what a declared task does with its function's answer."""

import math
import time
from typing import Any

import httpx2
import pytest

from onboarding_shared.contracts.types import CheckStatus, Licence, Mode, Scope
from task_runner.tasks import (
    CannotTell,
    DeclarationError,
    Reason,
    Result,
    Retry,
    Task,
    TaskContext,
    TaskFault,
    Wait,
    task,
)
from task_runner.tasks.context import Clients


def context(**replaced: Any) -> TaskContext:
    fields: dict[str, Any] = {
        "tenant_id": 42,
        "run_id": 7,
        "attempt": 1,
        "connection": None,
        "clients": Clients(open_http=lambda: httpx2.AsyncClient(), graph=None),
        "deadline": time.monotonic() + 10,
    }
    return TaskContext(**{**fields, **replaced})


def declared(function: Any, **options: Any) -> Task:
    return task("area.what", **{"step": 2, "title": "A title", "scope": "tenant", **options})(function)


def a_reason(**replaced: Any) -> Reason:
    return Reason(**{"code": "DOMAINS_NONE", "meaning": "A.", "remediation": "B.", **replaced})


async def fine(context: TaskContext) -> Result:
    """Says that all is fine."""
    return Result.ok("ALL_FINE", "Fine.", {"value": 1})


def test_a_declared_task_carries_the_values_of_its_author() -> None:
    declared_task = declared(fine, mode="exclusive", time_limit=5, retry=Retry(attempts=7), permissions=["One.Read"])

    assert (declared_task.name, declared_task.scope, declared_task.mode, declared_task.time_limit) == (
        "area.what",
        Scope.TENANT,
        Mode.EXCLUSIVE,
        5.0,
    )
    assert declared_task.declaration.permissions == ("One.Read",)
    assert declared_task.declaration.max_attempts == 7
    assert declared_task.declaration.description == "Says that all is fine."


def test_a_declared_task_carries_its_validity_and_wait_limit() -> None:
    declaration = declared(fine, fresh_for=3600, wait_limit=60).declaration

    assert (declaration.fresh_seconds, declaration.wait_limit_seconds) == (3600.0, 60.0)


def test_a_declared_task_carries_its_licence() -> None:
    assert declared(fine, licence="P2").declaration.licence is Licence.P2
    assert declared(fine).declaration.licence is None


def test_all_problems_of_a_declaration_are_told_at_once() -> None:
    with pytest.raises(DeclarationError, match=r"(?s)time_limit.*step.*mode"):
        declared(fine, step=9, mode="sometimes", time_limit=0)


def test_a_declared_task_carries_its_reason_codes() -> None:
    assert declared(fine, reasons=[a_reason(status="fail")]).declaration.reasons == (
        Reason(code="DOMAINS_NONE", status=CheckStatus.FAIL, meaning="A.", remediation="B."),
    )


def test_validity_is_a_week_and_the_wait_limit_thirty_days() -> None:
    assert (declared(fine).declaration.fresh_seconds, declared(fine).declaration.wait_limit_seconds) == (
        604_800.0,
        2_592_000.0,
    )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"step": 6}, "step"),
        ({"licence": "E5"}, "licence"),
        ({"step": 0}, "step"),
        ({"scope": "planet"}, "scope"),
        ({"mode": "sometimes"}, "mode"),
        ({"time_limit": 0}, "time_limit"),
        ({"time_limit": 3601}, "time_limit"),
        ({"fresh_for": 0}, "fresh_for"),
        ({"fresh_for": math.inf}, "fresh_for"),
        ({"wait_limit": -1}, "wait_limit"),
        ({"wait_limit": math.nan}, "wait_limit"),
        ({"permissions": "One.Read"}, "permissions"),
        ({"title": "x" * 201}, "title"),
        ({"reasons": [a_reason(code="GRAPH_FORBIDDEN")]}, "GRAPH_FORBIDDEN is a reason code of the product"),
        ({"reasons": [a_reason(code="lower")]}, "reasons"),
        ({"reasons": [a_reason(meaning="")]}, "reasons"),
        ({"reasons": [a_reason(remediation="x" * 501)]}, "reasons"),
        ({"reasons": [a_reason(status="fine")]}, "reasons"),
        ({"reasons": [a_reason(link="http://example.com")]}, "reasons"),
        ({"reasons": [a_reason(), a_reason(meaning="B.")]}, "declared twice"),
        ({"reasons": ["DOMAINS_NONE"]}, "sequence of Reason"),
    ],
)
def test_a_wrong_declaration_is_refused_with_the_field(options: dict[str, Any], named: str) -> None:
    with pytest.raises(DeclarationError, match=named):
        declared(fine, **options)


@pytest.mark.parametrize("name", ["", "Area.what", "area what", "area..what", "1area", "a" * 101])
def test_a_task_name_must_look_like_area_dot_what(name: str) -> None:
    with pytest.raises(DeclarationError):
        task(name, step=1, title="t")(fine)


def test_a_blocking_function_is_refused() -> None:
    def blocking(context: TaskContext) -> Result:
        return Result.ok("ALL_FINE")

    with pytest.raises(DeclarationError, match="async def"):
        declared(blocking)


def test_a_function_with_another_number_of_parameters_is_refused() -> None:
    async def greedy(context: TaskContext, more: int) -> Result:
        return Result.ok("ALL_FINE")

    with pytest.raises(DeclarationError, match="one parameter"):
        declared(greedy)


async def test_every_result_names_its_provenance() -> None:
    result = await declared(fine, version="3")(context())

    assert result.payload["value"] == 1
    assert result.payload["provenance"]["checker"] == "area.what"
    assert result.payload["provenance"]["checker_version"] == "3"
    # printf '{"value":1}' | sha256sum
    assert result.payload["provenance"]["payload_sha256"] == (
        "48208f9428d64634bd8e28ff345bf0eab60d53c18fa2fbdb0b9bc1e84df2b5f6"
    )


async def test_an_undecidable_check_has_an_unknown_result() -> None:
    async def puzzled(context: TaskContext) -> Result:
        raise CannotTell("DATA_INCOMPLETE", "A field is missing.", {"field": "x"})

    result = await declared(puzzled)(context())

    assert (result.status, result.reason_code) == (CheckStatus.UNKNOWN, "DATA_INCOMPLETE")
    assert result.payload["field"] == "x"
    assert "provenance" in result.payload


async def test_a_fault_goes_on_to_the_worker_with_provenance() -> None:
    async def gave_up(context: TaskContext) -> Result:
        raise TaskFault("GRAPH_THROTTLED", "Later.", retryable=True, retry_after=3.0)

    with pytest.raises(TaskFault) as caught:
        await declared(gave_up)(context())

    assert (caught.value.reason_code, caught.value.retryable, caught.value.retry_after) == (
        "GRAPH_THROTTLED",
        True,
        3.0,
    )
    assert caught.value.payload["provenance"]["checker"] == "area.what"


async def test_a_wait_goes_on_to_the_worker_with_provenance() -> None:
    async def too_early(context: TaskContext) -> Result:
        raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=300, payload={"id": "r1"})

    with pytest.raises(Wait) as caught:
        await declared(too_early)(context())

    assert (caught.value.reason_code, caught.value.message, caught.value.seconds) == (
        "APPROVAL_PENDING",
        "Nobody has approved yet.",
        300.0,
    )
    assert caught.value.payload["id"] == "r1"
    assert caught.value.payload["provenance"]["checker"] == "area.what"


async def test_a_task_of_a_connection_needs_one() -> None:
    with pytest.raises(TaskFault) as caught:
        await declared(fine, scope="connection")(context())

    assert (caught.value.reason_code, caught.value.retryable) == ("PROVIDER_CONNECTION_MISSING", False)


async def test_a_task_that_returns_no_result_is_a_defect() -> None:
    async def forgetful(context: TaskContext) -> Any:
        return None

    with pytest.raises(DeclarationError, match="NoneType"):
        await declared(forgetful)(context())


async def test_graph_without_a_connection_is_a_fault_with_its_reason() -> None:
    with pytest.raises(TaskFault) as caught:
        _ = context().graph

    assert caught.value.reason_code == "PROVIDER_CONNECTION_MISSING"


@pytest.mark.parametrize(("done", "total"), [(-1, 3), (4, 3)])
async def test_impossible_progress_is_refused(done: int, total: int) -> None:
    with pytest.raises(ValueError, match="0 <= done <= total"):
        await context().progress(done, total)


async def test_progress_reaches_the_worker_with_a_bounded_message() -> None:
    seen: list[Any] = []

    async def report(progress: Any) -> None:
        seen.append(progress)

    clients = Clients(open_http=lambda: httpx2.AsyncClient(), graph=None, report=report)
    await context(clients=clients).progress(1, 4, "x\0" + "y" * 500)

    assert (seen[0].done, seen[0].total, len(seen[0].message)) == (1, 4, 200)
    assert "\0" not in seen[0].message
