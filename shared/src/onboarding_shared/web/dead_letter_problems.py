"""The HTTP problems of dead letters."""

from onboarding_shared.web.errors import Conflict, NotFound, Problem


def dead_letter_not_found() -> Problem:
    """Return the problem of a dead letter that does not exist, or was removed."""
    return NotFound("DEAD_LETTER_NOT_FOUND", "There is no dead letter with this id")


def dead_letter_handled(state: str) -> Problem:
    """Return the problem of a dead letter that somebody else has replayed or discarded."""
    return Conflict("DEAD_LETTER_HANDLED", f"The dead letter is {state} already")


def dead_letter_not_replayable(reason: str) -> Problem:
    """Return the problem of a dead letter whose record is not stored as it was."""
    return Conflict("DEAD_LETTER_NOT_REPLAYABLE", f"The dead letter cannot be replayed: {reason}")
