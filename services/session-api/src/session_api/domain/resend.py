"""When a command is sent again to a runner that stays silent."""

LONGEST_SECONDS = 600.0


def silence_after(repeats: int, first_seconds: float) -> float:
    """How long to wait for an answer after the command was sent ``repeats`` times again, in seconds."""
    return min(LONGEST_SECONDS, first_seconds * 2.0 ** min(repeats, 32))
