"""Whether a consumer gets on: being connected proves nothing, moving positions do."""

import time
from collections.abc import Callable, Mapping
from enum import Enum

from aiokafka import TopicPartition

_STILL_SECONDS = 15.0
_VAIN_LIMIT = 4
_UNASSIGNED_SECONDS = (15.0, 600.0)
"""How long a member may be without partitions: at first, and at most."""


class Verdict(Enum):
    """What the watchdog makes of a look at the client."""

    FINE = "fine"
    STUCK = "stuck"


class Patience:
    """How long a consumer's next client may be without partitions, in seconds.

    A client that joined while its topics were missing may be left without any for good, so it is replaced soon. A
    group with more members than partitions leaves some without too, and each replacement disturbs the whole group, so
    the patience doubles until there are partitions again.
    """

    def __init__(self) -> None:
        self.seconds, self._longest = _UNASSIGNED_SECONDS

    def was_in_vain(self) -> None:
        """A client was replaced because it had no partitions."""
        self.seconds = min(self.seconds * 2, self._longest)

    def was_rewarded(self) -> None:
        """A client has partitions."""
        self.seconds = _UNASSIGNED_SECONDS[0]


class Progress:
    """What is known of one client's progress; times are monotonic seconds."""

    def __init__(self, patience: Patience | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience or Patience()
        self._clock = clock
        self._positions: dict[TopicPartition, int] = {}
        self._moved_at = clock()
        self._assigned_at = clock()
        self._in_vain = 0
        self._busy_since: float | None = None
        self.lag = 0
        self.connected = False

    def batch_began(self) -> None:
        """A batch was handed to us."""
        self._busy_since = self._clock()

    def batch_ended(self, records: int) -> None:
        """It was dealt with."""
        self._busy_since = None
        self._moved_at = self._clock()

    def asked(self, offsets: Mapping[TopicPartition, tuple[int, int]]) -> Verdict:
        """Judge by position and end offset of each assigned partition."""
        now = self._clock()
        self._in_vain = 0
        self.connected = True
        positions = {partition: position for partition, (position, _) in offsets.items()}
        self.lag = sum(max(0, end - position) for position, end in offsets.values())
        if positions != self._positions or self.lag == 0:
            self._moved_at = now
        self._positions = positions
        if offsets:
            self._assigned_at = now
            self._patience.was_rewarded()
        if self.lag and self._busy_since is None and now - self._moved_at > _STILL_SECONDS:
            return Verdict.STUCK
        if now - self._assigned_at > self._patience.seconds:
            self._patience.was_in_vain()
            return Verdict.STUCK
        return Verdict.FINE

    def asked_in_vain(self) -> Verdict:
        """Kafka did not answer; after some times the client itself may be what is broken."""
        self._in_vain += 1
        self.connected = self._in_vain < 2
        return Verdict.STUCK if self._in_vain >= _VAIN_LIMIT else Verdict.FINE

    @property
    def seconds_still(self) -> float:
        """How long records have waited without one being dealt with; 0 when none wait."""
        return 0.0 if self.lag == 0 else self._clock() - self._moved_at
