"""The response bodies of sessions."""

from onboarding_shared.contracts.types import SessionStatus
from session_api.domain.edit_lock import held
from session_api.domain.entity_tags import entity_tag
from session_api.routes.session_bodies import OnboardingSession, SessionDetails
from session_api.store.sessions import DatedSession, LoadedSession


def session_body(loaded: LoadedSession) -> OnboardingSession:
    """Return the response body of a session; an edit lock that has expired is free."""
    session = loaded.session
    lock = held(session.lock, loaded.now)
    return OnboardingSession(
        id=session.id,
        tenant_id=session.tenant_id,
        provider_connection_id=session.provider_connection_id,
        status=session.status,
        current_step=session.current_step,
        assigned_to_user_id=session.assigned_to_user_id,
        locked_by_user_id=None if lock is None else lock.user_id,
        locked_until=None if lock is None else lock.until,
    )


def details_body(dated: DatedSession) -> SessionDetails:
    """Return the response body of a session with its times."""
    body = session_body(dated.loaded)
    return SessionDetails(
        id=body.id,
        tenant_id=body.tenant_id,
        provider_connection_id=body.provider_connection_id,
        status=body.status,
        current_step=body.current_step,
        assigned_to_user_id=body.assigned_to_user_id,
        locked_by_user_id=body.locked_by_user_id,
        locked_until=body.locked_until,
        created_at=dated.created_at,
        updated_at=dated.loaded.updated_at,
        completed_at=dated.loaded.updated_at if body.status is SessionStatus.COMPLETED else None,
        version=entity_tag(dated.loaded.session, dated.loaded.updated_at, dated.loaded.now),
    )
