"""Consent by link: what an answer of the customer's administrator changes. It is a claim and proves nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from onboarding_shared.contracts.types import CheckStatus

CONSENT_TASK = "app.consent"
"""The task type whose result proves a consent."""
PROVING = frozenset({CheckStatus.OK, CheckStatus.WARN})
"""Its statuses that do."""
MAX_OPEN = 20
"""Open requests of a tenant at a time."""


class ConsentState(StrEnum):
    """The state of a consent request. ``expired`` is computed: an open request whose time is over."""

    OPEN = "open"
    REPORTED = "reported"
    VERIFIED = "verified"
    DECLINED = "declined"
    WRONG_TENANT = "wrong_tenant"
    EXPIRED = "expired"


_ORDER = (
    ConsentState.OPEN,
    ConsentState.DECLINED,
    ConsentState.WRONG_TENANT,
    ConsentState.REPORTED,
    ConsentState.VERIFIED,
)
"""A request goes from a state to a later one only, so that few answers of one link are recorded."""
_SETTLED = {ConsentState.REPORTED, ConsentState.VERIFIED}


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """A request as it is stored."""

    id: int
    tenant_id: int
    session_id: int | None
    provider_connection_id: int
    external_tenant_id: str
    state: ConsentState
    created_at: datetime
    created_by_user_id: int
    expires_at: datetime
    answered_at: datetime | None
    reported_at: datetime | None
    verified_at: datetime | None
    run_id: int | None


@dataclass(frozen=True, slots=True)
class ConsentAnswer:
    """The parameters of an answer, None where they are missing. Whoever knows the link can send them."""

    tenant: str | None = None
    admin_consent: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """``claimed``: the state that the answer claims, ``expired`` for an expired link, None for no answer.

    ``state`` is the new state of the request, or the one that it has.
    """

    claimed: ConsentState | None
    state: ConsentState


@dataclass(frozen=True, slots=True)
class TooManyOpen:
    """The tenant has as many open requests as are allowed; the first expires in ``retry_after``."""

    retry_after: timedelta


def state_at(request: ConsentRequest, now: datetime) -> ConsentState:
    """The state that callers see."""
    if request.state is ConsentState.OPEN and now >= request.expires_at:
        return ConsentState.EXPIRED
    return request.state


def judge(request: ConsentRequest, answer: ConsentAnswer, now: datetime) -> Judgement:
    """Decide what an answer means for its request. A reported request stays as it is whatever arrives."""
    claimed = _claimed(answer, request.external_tenant_id)
    if claimed is None or request.state in _SETTLED:
        return Judgement(claimed, request.state)
    if now >= request.expires_at:
        return Judgement(ConsentState.EXPIRED, request.state)
    return Judgement(claimed, max(request.state, claimed, key=_ORDER.index))


def _claimed(answer: ConsentAnswer, expected_tenant: str) -> ConsentState | None:
    """An error comes first: a refusal may carry ``admin_consent=True`` as well."""
    if answer.error is not None:
        return ConsentState.DECLINED
    if answer.tenant is None or (answer.admin_consent or "").lower() != "true":
        return None
    same = answer.tenant.lower() == expected_tenant.lower()
    return ConsentState.REPORTED if same else ConsentState.WRONG_TENANT
