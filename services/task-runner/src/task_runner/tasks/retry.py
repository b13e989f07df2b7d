"""Retry policies of tasks."""

import msgspec


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """A retry policy. ``attempts`` is the number of attempts, the first included (1..100); delays are in seconds.

    The delay after attempt n is ``first_delay * factor**(n-1)``, at most ``max_delay`` (up to 86,400). Raise
    ``ValueError`` if a value is out of range.
    """

    attempts: int = 3
    first_delay: float = 1.0
    factor: float = 2.0
    max_delay: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 100:
            raise ValueError("Retry.attempts must be between 1 and 100")
        if not 0 <= self.first_delay <= self.max_delay <= 86_400:
            raise ValueError("Retry delays must satisfy 0 <= first_delay <= max_delay <= 86400 seconds")
        if not 1 <= self.factor <= 10:
            raise ValueError("Retry.factor must be between 1 and 10")

    def delay_after(self, attempt: int) -> float | None:
        """Return the delay in seconds after this attempt (from 1), or None if it was the last one."""
        if attempt >= self.attempts:
            return None
        return min(self.max_delay, self.first_delay * self.factor ** min(attempt - 1, 64))
