"""Whether a consumer gets on: being connected proves nothing, moving positions do."""

import time
from collections.abc import Callable, Mapping
from enum import Enum

from aiokafka import TopicPartition

_STILL_SECONDS = 15.0
_BUSY_SECONDS = 180.0
"""How long a batch may take. It gives itself up after less; beyond this whatever deals with it hangs. Kafka's own limit
is 300 s."""
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
    """What is known of one client's progress; times are monotonic seconds.

    ``lags`` has the records that wait, by topic. Where a client stood still, its successor counts as connected only
    when it has dealt with something, or nothing waits any more.
    """

    def __init__(self, patience: Patience | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience or Patience()
        self._clock = clock
        self._positions: dict[TopicPartition, int] = {}
        self._moved_at = clock()
        self._dealt_at = clock()
        self._assigned_at = clock()
        self._in_doubt = False
        self._in_vain = 0
        self._busy_since: float | None = None
        self._reached = False
        self.lags: Mapping[str, int] = {}

    @property
    def lag(self) -> int:
        """How many records wait in the partitions of this member."""
        return sum(self.lags.values())

    @property
    def connected(self) -> bool:
        """Whether Kafka answers and this consumer, as far as can be seen, gets on."""
        return self._reached and not self._in_doubt

    def started(self) -> None:
        """The client has begun: its time to get partitions and records counts from here."""
        self._moved_at = self._assigned_at = self._clock()

    def disconnected(self) -> None:
        """The client is being put away."""
        self._reached = False

    def successor(self) -> "Progress":
        """What is known of the client that comes next: how long records wait already, and any doubt."""
        after = Progress(self._patience, self._clock)
        after.lags, after._dealt_at, after._in_doubt = self.lags, self._dealt_at, self._in_doubt
        return after

    def batch_began(self) -> None:
        """A batch was handed to us."""
        self._busy_since = self._clock()

    def batch_ended(self, *, applied: bool) -> None:
        """It was applied, or handed back because the database is away: then it is not the client that stands still."""
        self._busy_since = None
        self._moved_at = self._clock()
        if applied:
            self._got_on()

    def asked(self, offsets: Mapping[TopicPartition, tuple[int, int]]) -> Verdict:
        """Judge by position and end offset of each assigned partition."""
        now = self._clock()
        self._in_vain = 0
        self._reached = True
        positions = {partition: position for partition, (position, _) in offsets.items()}
        self.lags = _by_topic(offsets)
        if positions != self._positions or self.lag == 0:
            self._moved_at = now
        if offsets and self.lag == 0:
            self._got_on()
        self._positions = positions
        if offsets:
            self._assigned_at = now
            self._patience.was_rewarded()
        hangs = self._busy_since is not None and now - self._busy_since > _BUSY_SECONDS
        if hangs or (self.lag and self._busy_since is None and now - self._moved_at > _STILL_SECONDS):
            self._in_doubt = True
            return Verdict.STUCK
        if now - self._assigned_at > self._patience.seconds:
            self._patience.was_in_vain()
            return Verdict.STUCK
        return Verdict.FINE

    def asked_in_vain(self) -> Verdict:
        """Kafka did not answer; after some times the client itself may be what is broken."""
        self._in_vain += 1
        self._reached = self._in_vain < 2
        return Verdict.STUCK if self._in_vain >= _VAIN_LIMIT else Verdict.FINE

    @property
    def seconds_still(self) -> float:
        """How long records have waited without one being applied; 0 when none wait."""
        return 0.0 if self.lag == 0 else self._clock() - self._dealt_at

    def _got_on(self) -> None:
        self._dealt_at = self._clock()
        self._in_doubt = False


def _by_topic(offsets: Mapping[TopicPartition, tuple[int, int]]) -> dict[str, int]:
    lags: dict[str, int] = {}
    for partition, (position, end) in offsets.items():
        lags[partition.topic] = lags.get(partition.topic, 0) + max(0, end - position)
    return lags
