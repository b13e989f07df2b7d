"""Response bodies of the lists over customers."""

from datetime import datetime

from msgspec import Struct

from onboarding_shared.contracts.types import CheckStatus, SessionStatus, StepNumber, VisibleName
from session_api.domain.customers import Customer, LatestSession
from session_api.routes.active_runs import active_run_body
from session_api.routes.session_bodies import ActiveRunSummary


class CustomerSession(Struct, kw_only=True):
    """The latest session of a customer."""

    id: int
    status: SessionStatus
    current_step: StepNumber
    assigned_to_user_id: int | None = None
    locked_by_user_id: int | None = None
    locked_until: datetime | None = None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None


class CustomerSummary(Struct, kw_only=True):
    """A customer: its tenant, its latest session, the number of its tasks by verdict, and what is running.

    ``display_name`` is the name that was set, else that of the newest enabled connection, else the tenant id in words.
    Of several active runs ``active_run`` is the newest running one. An expired verdict counts as unknown.
    """

    tenant_id: int
    display_name: str
    external_tenant_id: str | None = None
    session: CustomerSession | None = None
    counts: dict[CheckStatus, int]
    active_runs: int
    active_run: ActiveRunSummary | None = None
    oldest_evidence_at: datetime | None = None
    next_expires_at: datetime | None = None


class CustomersSummary(Struct, kw_only=True):
    """Numbers of customers: all; with an open session; with a waiting run; with a required task that failed; with a
    completed latest session; with a verdict that expires within a day."""

    tenants: int
    in_onboarding: int
    waiting: int
    need_attention: int
    completed: int
    ending_soon: int


class VerdictExpiry(Struct, kw_only=True):
    """A verdict of a customer, and the time at which it becomes unknown."""

    tenant_id: int
    display_name: str
    task_type: str
    title: str
    expires_at: datetime
    status: CheckStatus


class TenantName(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The display name of a tenant."""

    display_name: VisibleName


def customer_body(customer: Customer) -> CustomerSummary:
    """Return the response body of a customer."""
    return CustomerSummary(
        tenant_id=customer.tenant_id,
        display_name=customer.display_name,
        external_tenant_id=customer.external_tenant_id,
        session=None if customer.latest is None else _session(customer.latest),
        counts=customer.counts,
        active_runs=customer.active_runs,
        active_run=None if customer.active_run is None else active_run_body(customer.active_run),
        oldest_evidence_at=customer.oldest_evidence_at,
        next_expires_at=customer.next_expires_at,
    )


def _session(latest: LatestSession) -> CustomerSession:
    session = latest.session
    return CustomerSession(
        id=session.id,
        status=session.status,
        current_step=session.current_step,
        assigned_to_user_id=session.assigned_to_user_id,
        locked_by_user_id=None if session.lock is None else session.lock.user_id,
        locked_until=None if session.lock is None else session.lock.until,
        created_at=latest.created_at,
        updated_at=latest.updated_at,
        completed_at=latest.completed_at,
    )
