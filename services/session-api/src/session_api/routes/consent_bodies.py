"""The bodies of requests and answers about consent."""

from datetime import datetime

from msgspec import Struct

from session_api.domain.consent import ConsentState


class CreateConsentRequest(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Optional wishes for a consent request."""

    provider_connection_id: int | None = None


class ConsentRequest(Struct, kw_only=True):
    """A request for the customer's consent. ``url`` is the link to send, in the answer of the creation only.

    ``run_id`` is the run that checks a reported consent; null where it could not be started.
    """

    id: int
    tenant_id: int
    provider_connection_id: int
    onboarding_session_id: int | None = None
    state: ConsentState
    url: str | None = None
    created_at: datetime
    created_by_user_id: int
    expires_at: datetime
    answered_at: datetime | None = None
    reported_at: datetime | None = None
    verified_at: datetime | None = None
    run_id: int | None = None
