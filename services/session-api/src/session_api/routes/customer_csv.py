"""The CSV form of the list of customers: a row for each."""

from collections.abc import Sequence

from onboarding_shared.contracts.types import CheckStatus
from session_api.domain.customers import ActiveRun, Customer, LatestSession
from session_api.routes.csv_text import Cell

COLUMNS = (
    "tenant_id",
    "display_name",
    "external_tenant_id",
    "session_id",
    "session_status",
    "current_step",
    "assigned_to_user_id",
    "ok",
    "warn",
    "fail",
    "unknown",
    "active_runs",
    "active_task_type",
    "active_state",
    "oldest_evidence_at",
    "next_expires_at",
)


def customer_cells(customer: Customer) -> Sequence[Cell]:
    """Return the cells of a customer."""
    return (
        customer.tenant_id,
        customer.display_name,
        customer.external_tenant_id,
        *_of_session(customer.latest),
        *(customer.counts[status] for status in CheckStatus),
        customer.active_runs,
        *_of_run(customer.active_run),
        customer.oldest_evidence_at,
        customer.next_expires_at,
    )


def _of_session(latest: LatestSession | None) -> Sequence[Cell]:
    if latest is None:
        return (None, None, None, None)
    session = latest.session
    return (session.id, session.status.value, session.current_step, session.assigned_to_user_id)


def _of_run(run: ActiveRun | None) -> Sequence[Cell]:
    return (None, None) if run is None else (run.task_type, run.state.value)
