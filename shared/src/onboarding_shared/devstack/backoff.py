"""How long to wait before a child that died is started again."""

FIRST, LONGEST, HEALTHY_AFTER = 0.25, 10.0, 30.0


class Backoff:
    """No wait after a long healthy run, then 0.25 s, doubling up to 10 s while the child keeps dying early."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, lived: float) -> float:
        """Seconds to wait after a child that lived `lived` seconds."""
        if lived >= HEALTHY_AFTER:
            self._next = 0.0
        wait = self._next
        self._next = min(max(FIRST, wait * 2), LONGEST)
        return wait
