"""The HTTP problems of evidence-store, and the next step for each."""

from collections.abc import Mapping

from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.errors import BadRequest, DependencyDown, NotFound, Problem

CODES: Mapping[str, str] = {
    "ANCHOR_INCOMPLETE": "Send expected_length and expected_head together: position and seal of one EvidenceRecorded.",
    "DATABASE_UNAVAILABLE": "The database is not available: retry after the seconds in Retry-After.",
    "EVIDENCE_NOT_FOUND": "The tenant has no evidence with this id: list the tenant's evidence.",
    "INVALID_CURSOR": "A cursor is valid for the list that returned it only: start again without a cursor.",
    "SCHEMA_NOT_FOUND": "No message has this type: GET /onboarding/schemas lists all types.",
}


def invalid_parameter(name: str, message: str) -> Problem:
    """Return the problem of a query parameter with an invalid value."""
    return BadRequest("INVALID_PARAMETER", f"{name}: {message}", extra={"field": name})


def invalid_cursor() -> Problem:
    """Return the problem of a malformed cursor, or one of another list."""
    return BadRequest("INVALID_CURSOR", "The cursor is not valid for this list", extra={"field": "cursor"})


def incomplete_anchor(missing: str) -> Problem:
    """Return the problem of a request with only one of the two parameters of an anchor."""
    return BadRequest("ANCHOR_INCOMPLETE", f"{missing} is missing", extra={"field": missing})


def evidence_not_found() -> Problem:
    """Return the problem of an evidence id that the tenant does not have."""
    return NotFound("EVIDENCE_NOT_FOUND", "The tenant has no evidence with this id")


def schema_not_found() -> Problem:
    """Return the problem of an unknown message type."""
    return NotFound("SCHEMA_NOT_FOUND", "No message has this type")


def database_unavailable(_: DatabaseUnavailable) -> Problem:
    """Return the problem of an unavailable database."""
    return DependencyDown("DATABASE_UNAVAILABLE", "The database is not available", retry_after=1)
