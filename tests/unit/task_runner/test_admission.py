"""The admission of a new StartTask."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import pytest

from onboarding_shared.contracts.session_api import StartTask, TaskConnection
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import Mode, Scope
from task_runner.domain.admission import AdmissionRefused, Admitted, admit

CONNECTION = TaskConnection(
    id=77, provider="microsoft_graph", external_tenant_id="t", client_id="c", credential_ref="env:X", cloud="global"
)
COMMAND = StartTask(
    tenant_id=4, run_id=1, task_type="a.check", requested_by=7, requested_at=datetime(2026, 11, 24, tzinfo=UTC)
)
WITH_CONNECTION = msgspec.structs.replace(COMMAND, connection=CONNECTION)


def declared(scope: Scope, mode: Mode = Mode.SHARED) -> TaskTypeDeclaration:
    return TaskTypeDeclaration(
        name="a.check", title="A", step=1, scope=scope, mode=mode, time_limit_seconds=9.0, max_attempts=4
    )


def test_a_task_of_the_tenant_is_admitted_with_its_limits() -> None:
    assert admit(COMMAND, declared(Scope.TENANT)) == Admitted(
        scope_key=0, mode=Mode.SHARED, time_limit=9.0, max_attempts=4
    )


def test_a_task_of_a_connection_is_kept_apart_by_it() -> None:
    assert admit(WITH_CONNECTION, declared(Scope.CONNECTION, Mode.EXCLUSIVE)) == Admitted(
        scope_key=77, mode=Mode.EXCLUSIVE, time_limit=9.0, max_attempts=4
    )


def test_a_tenant_task_keeps_its_scope_with_any_connection() -> None:
    decision = admit(WITH_CONNECTION, declared(Scope.TENANT))
    assert isinstance(decision, Admitted) and decision.scope_key == 0


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [(None, "TASK_TYPE_UNKNOWN"), (declared(Scope.CONNECTION), "PROVIDER_CONNECTION_MISSING")],
)
def test_what_cannot_run_is_refused_with_its_reason(declaration: TaskTypeDeclaration | None, reason: str) -> None:
    decision = admit(COMMAND, declaration)
    assert isinstance(decision, AdmissionRefused) and decision.reason_code == reason


class Days(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Inputs with a bound."""

    days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 30


def with_inputs(**inputs: object) -> StartTask:
    return msgspec.structs.replace(COMMAND, inputs=inputs)


@pytest.mark.parametrize("command", [COMMAND, with_inputs(), with_inputs(days=90)])
def test_inputs_that_fit_are_admitted(command: StartTask) -> None:
    assert isinstance(admit(command, declared(Scope.TENANT), Days), Admitted)


@pytest.mark.parametrize(
    "inputs",
    [{"days": 91}, {"days": "7"}, {"weeks": 1}, {"days": 2**63}, {"weeks": "a" * 16_384}, {"days": [[[[[[[[]]]]]]]]}],
)
def test_inputs_that_do_not_fit_are_refused(inputs: dict[str, object]) -> None:
    decision = admit(with_inputs(**inputs), declared(Scope.TENANT), Days)

    assert isinstance(decision, AdmissionRefused) and decision.reason_code == "INPUTS_INVALID"
    assert len(decision.message) <= 4000


def test_inputs_for_a_task_without_any_are_refused() -> None:
    decision = admit(with_inputs(days=1), declared(Scope.TENANT))

    assert decision == AdmissionRefused(reason_code="INPUTS_INVALID", message="The task takes no inputs.")


def test_a_dry_run_needs_a_task_that_supports_it() -> None:
    dry = msgspec.structs.replace(COMMAND, dry_run=True)
    decision = admit(dry, declared(Scope.TENANT))

    assert isinstance(decision, AdmissionRefused) and decision.reason_code == "DRY_RUN_NOT_SUPPORTED"
    assert isinstance(admit(dry, msgspec.structs.replace(declared(Scope.TENANT), supports_dry_run=True)), Admitted)
