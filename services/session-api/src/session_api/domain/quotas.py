"""The limits of a tenant. A limit of 0 is none."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Quotas:
    """The limits of each tenant: enabled connections, sessions opened within 24 hours, and active runs."""

    connections: int = 0
    sessions_per_day: int = 0
    active_runs: int = 0


NO_QUOTAS = Quotas()


@dataclass(frozen=True, slots=True)
class TooManyConnections:
    """The tenant has as many enabled connections as it may have."""

    limit: int


@dataclass(frozen=True, slots=True)
class TooManySessions:
    """The tenant has opened as many sessions within 24 hours as it may; the next is possible after ``remaining``."""

    limit: int
    remaining: timedelta


@dataclass(frozen=True, slots=True)
class TooManyRuns:
    """The tenant has as many active runs as it may have."""

    limit: int
