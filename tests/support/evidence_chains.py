"""Results and chains of evidence for the tests of evidence-store."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from evidence_store.domain.chain import EMPTY, Head, StoredEvidence, extend
from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.types import CheckStatus, RunState

TENANT = 42
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def result(run_id: int, *, tenant_id: int = TENANT, **fields: Any) -> RunFinished:
    """The end of a successful run, with other values from ``fields``."""
    usual: dict[str, Any] = {
        "task_type": "license.inventory",
        "attempt": 1,
        "state": RunState.SUCCEEDED,
        "session_id": 9,
        "provider_connection_id": 3,
        "status": CheckStatus.OK,
        "reason_code": "LICENSES_FOUND",
        "message": "Two subscriptions",
        "payload": {"skus": ["E3", "E5"]},
        "started_at": NOW,
        "finished_at": NOW,
    }
    return RunFinished(tenant_id=tenant_id, run_id=run_id, **{**usual, **fields})


def chain(results: Sequence[RunFinished]) -> tuple[list[StoredEvidence], Head]:
    """The rows and the head of one tenant's chain; evidence ids begin at 1001."""
    ids = range(1001, 1001 + len(results))
    rows, heads = extend({TENANT: EMPTY}, results, ids, NOW)
    return rows, heads.get(TENANT, EMPTY)


def chain_of(length: int) -> tuple[list[StoredEvidence], Head]:
    """A chain of ``length`` different records."""
    return chain([result(100 + number) for number in range(length)])
