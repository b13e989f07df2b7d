"""The refusals about consent requests as answers to a client."""

from onboarding_shared.web.errors import Conflict, NotFound, Problem
from session_api.domain.connections import NotChosen, NotUsable
from session_api.domain.consent import MAX_OPEN, TooManyOpen
from session_api.routes.problems import connection_problem
from session_api.use_cases.consents import ConsentRefusal, NoConnection


def consent_problem(refused: ConsentRefusal) -> Problem:
    """The problem of a consent request that was not created."""
    match refused:
        case NotUsable() | NotChosen():
            return connection_problem(refused)
        case NoConnection():
            return Conflict("CONNECTION_MISSING", "The tenant has no enabled provider connection")
        case TooManyOpen():
            return Conflict(
                "CONSENT_REQUESTS_LIMIT",
                f"The tenant has {MAX_OPEN} open consent requests",
                retry_after=refused.retry_after.total_seconds(),
            )


def consent_not_configured() -> Problem:
    """The service does not know the address to which Microsoft sends the browser."""
    return Conflict("CONSENT_NOT_CONFIGURED", "The address that consent links come back to is not set")


def consent_request_not_found() -> Problem:
    """There is no such request here."""
    return NotFound("CONSENT_REQUEST_NOT_FOUND", "There is no such consent request in this tenant")
