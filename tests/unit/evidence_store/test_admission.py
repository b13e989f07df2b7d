"""The messages that leave evidence."""

import pytest

from evidence_store.domain.admission import Inadmissible, contradicts, leaves_evidence, recorded
from onboarding_shared.contracts.task_runner import RunProgressed, RunStarted
from onboarding_shared.contracts.types import CheckStatus, RunState
from tests.support.evidence_chains import NOW, chain, result


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT])
def test_a_run_that_ended_leaves_evidence(state: RunState) -> None:
    assert leaves_evidence(result(1, state=state))


def test_a_cancelled_run_leaves_none() -> None:
    assert not leaves_evidence(result(1, state=RunState.CANCELLED))


def test_a_run_under_way_leaves_none() -> None:
    assert not leaves_evidence(RunStarted(tenant_id=1, run_id=1, task_type="a", attempt=1, started_at=NOW))
    assert not leaves_evidence(RunProgressed(tenant_id=1, run_id=1, task_type="a", attempt=1, state=RunState.WAITING))


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.WAITING, RunState.CANCELLING])
def test_a_result_with_an_active_state_is_refused(state: RunState) -> None:
    with pytest.raises(Inadmissible) as refused:
        leaves_evidence(result(1, state=state))
    assert refused.value.code == "RUN_NOT_FINISHED"


def test_a_run_of_the_platform_itself_is_refused() -> None:
    with pytest.raises(Inadmissible) as refused:
        leaves_evidence(result(1, tenant_id=0))
    assert refused.value.code == "TENANT_INVALID"


def test_the_message_of_a_row_has_its_values() -> None:
    (row,), _ = chain([result(1, status=CheckStatus.WARN)])
    message = recorded(row)
    assert (message.tenant_id, message.evidence_id, message.run_id) == (42, 1001, 1)
    assert (message.task_type, message.status) == ("license.inventory", CheckStatus.WARN)
    assert message.reason_code == "LICENSES_FOUND"
    assert (message.position, message.seal, message.recorded_at) == (1, row.seal.hex(), NOW)


def test_a_repeat_with_equal_values_does_not_contradict() -> None:
    (row,), _ = chain([result(1)])
    assert not contradicts(result(1), recorded(row))


def test_a_repeat_that_found_something_else_contradicts() -> None:
    (row,), _ = chain([result(1)])
    assert contradicts(result(1, status=CheckStatus.FAIL), recorded(row))
