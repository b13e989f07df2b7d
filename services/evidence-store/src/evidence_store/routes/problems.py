"""The refusals of this service as answers to a client, and what to do about each."""

from collections.abc import Mapping

from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.errors import BadRequest, DependencyDown, NotFound, Problem

CODES: Mapping[str, str] = {
    "ANCHOR_INCOMPLETE": "Give expected_length and expected_head together: position and seal of one EvidenceRecorded.",
    "DATABASE_UNAVAILABLE": "The database does not answer: try again after the seconds in Retry-After.",
    "EVIDENCE_NOT_FOUND": "This tenant has no such evidence: list its evidence to see what there is.",
    "INVALID_CURSOR": "A cursor comes from a Link header of the same list: start again without one.",
    "SCHEMA_NOT_FOUND": "There is no message of this type: see /onboarding/schemas.",
}


def invalid_parameter(name: str, message: str) -> Problem:
    """A query parameter has a value that it cannot have."""
    return BadRequest("INVALID_PARAMETER", f"{name}: {message}", extra={"field": name})


def invalid_cursor() -> Problem:
    """The cursor is no cursor, or one of another list."""
    return BadRequest("INVALID_CURSOR", "The cursor is not one of this list", extra={"field": "cursor"})


def incomplete_anchor(missing: str) -> Problem:
    """Half of an anchor was given."""
    return BadRequest("ANCHOR_INCOMPLETE", f"{missing} is missing", extra={"field": missing})


def evidence_not_found() -> Problem:
    """There is no such evidence here."""
    return NotFound("EVIDENCE_NOT_FOUND", "There is no such evidence in this tenant")


def schema_not_found() -> Problem:
    """No message has this type."""
    return NotFound("SCHEMA_NOT_FOUND", "There is no message of this type")


def database_unavailable(_: DatabaseUnavailable) -> Problem:
    """The database is away for now."""
    return DependencyDown("DATABASE_UNAVAILABLE", "The database does not answer", retry_after=1)
