"""How long the next batch waits for company: not at all on a calm system, a few milliseconds on a busy one."""

BUSY_FROM = 8
GATHER_SECONDS = 0.004
"""A batch costs nearly the same for one row as for thirty; this is about half of what all its statements take."""


def gather_seconds(last_batch: int) -> float:
    """Seconds to wait before the next batch is taken, by how many the last one had."""
    return GATHER_SECONDS if last_batch >= BUSY_FROM else 0.0
