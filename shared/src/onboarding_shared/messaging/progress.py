"""Detects a stuck consumer: connected, but its offsets no longer advance."""

import time
from collections.abc import Callable, Collection, Mapping
from enum import Enum

from aiokafka import TopicPartition

_STALLED_SECONDS = 15.0
_BUSY_SECONDS = 180.0
"""Maximum duration of a batch. The consumer aborts a batch earlier, so a longer one hangs. Kafka's limit is 300 s."""
_FAILURE_LIMIT = 4
_UNASSIGNED_SECONDS = (15.0, 600.0)
"""Time that a member may be without partitions of a topic: initial value and maximum."""


class Verdict(Enum):
    """Result of an observation of the client."""

    FINE = "fine"
    STUCK = "stuck"


class AssignmentTimeout:
    """Time in seconds that a client may be without partitions of a topic before it is replaced.

    A client that joined while a topic was missing may never be assigned any of it, so it is replaced soon. A group with
    more members than partitions also has members without, and each replacement rebalances the whole group, so the
    timeout doubles until partitions of all topics are assigned.
    """

    def __init__(self) -> None:
        self.seconds, self._longest = _UNASSIGNED_SECONDS

    def extend(self) -> None:
        """Double the timeout, up to the maximum, after a client was replaced."""
        self.seconds = min(self.seconds * 2, self._longest)

    def reset(self) -> None:
        """Restore the initial timeout after partitions were assigned."""
        self.seconds = _UNASSIGNED_SECONDS[0]


class ConsumerProgress:
    """Progress of one client; times are monotonic seconds.

    ``lags`` has the number of unread records by topic. The successor of a stuck client counts as connected only after
    it has applied a record, or when no records are unread.
    """

    def __init__(
        self,
        timeout: AssignmentTimeout | None = None,
        clock: Callable[[], float] = time.monotonic,
        topics: Collection[str] = (),
    ) -> None:
        """``topics`` are those that the client subscribes to."""
        self._topics = frozenset(topics)
        self._assignment_timeout = timeout or AssignmentTimeout()
        self._clock = clock
        self._positions: dict[TopicPartition, int] = {}
        self._moved_at = clock()
        self._applied_at = clock()
        self._assigned_at = clock()
        self._suspect = False
        self._failures = 0
        self._busy_since: float | None = None
        self._reached = False
        self.lags: Mapping[str, int] = {}

    @property
    def lag(self) -> int:
        """Number of unread records in the partitions of this member."""
        return sum(self.lags.values())

    @property
    def connected(self) -> bool:
        """True if Kafka responds and the consumer is not known to be stuck."""
        return self._reached and not self._suspect

    def started(self) -> None:
        """Start the timeouts for partitions and records."""
        self._moved_at = self._assigned_at = self._clock()

    def disconnected(self) -> None:
        """Record that the client is closing."""
        self._reached = False

    def successor(self) -> "ConsumerProgress":
        """Progress of the next client, with the lags and the suspicion of this one."""
        after = ConsumerProgress(self._assignment_timeout, self._clock, self._topics)
        after.lags, after._applied_at, after._suspect = self.lags, self._applied_at, self._suspect
        return after

    def batch_began(self) -> None:
        """Record the start of a batch."""
        self._busy_since = self._clock()

    def batch_ended(self, *, applied: bool) -> None:
        """Record the end of a batch; it was not applied if the database is unavailable."""
        self._busy_since = None
        self._moved_at = self._clock()
        if applied:
            self._advanced()

    def observe(self, offsets: Mapping[TopicPartition, tuple[int, int]]) -> Verdict:
        """Evaluate position and end offset of each assigned partition."""
        now = self._clock()
        self._failures = 0
        self._reached = True
        positions = {partition: position for partition, (position, _) in offsets.items()}
        self.lags = _by_topic(offsets)
        if positions != self._positions or self.lag == 0:
            self._moved_at = now
        if offsets and self.lag == 0:
            self._advanced()
        self._positions = positions
        if offsets and self._topics <= {partition.topic for partition in offsets}:
            self._assigned_at = now
            self._assignment_timeout.reset()
        hangs = self._busy_since is not None and now - self._busy_since > _BUSY_SECONDS
        if hangs or (self.lag and self._busy_since is None and now - self._moved_at > _STALLED_SECONDS):
            self._suspect = True
            return Verdict.STUCK
        if now - self._assigned_at > self._assignment_timeout.seconds:
            self._assignment_timeout.extend()
            return Verdict.STUCK
        return Verdict.FINE

    def observe_failure(self) -> Verdict:
        """Record that Kafka did not respond; after several failures the client itself may be defective."""
        self._failures += 1
        self._reached = self._failures < 2
        return Verdict.STUCK if self._failures >= _FAILURE_LIMIT else Verdict.FINE

    @property
    def seconds_still(self) -> float:
        """Seconds since the last record was applied while others are unread; 0 if none is unread."""
        return 0.0 if self.lag == 0 else self._clock() - self._applied_at

    def _advanced(self) -> None:
        self._applied_at = self._clock()
        self._suspect = False


def beyond_end(offsets: Mapping[TopicPartition, tuple[int, int]]) -> list[TopicPartition]:
    """The partitions whose position is greater than the end offset: their log was lost and begins again."""
    return [partition for partition, (position, end) in offsets.items() if position > end]


def _by_topic(offsets: Mapping[TopicPartition, tuple[int, int]]) -> dict[str, int]:
    lags: dict[str, int] = {}
    for partition, (position, end) in offsets.items():
        lags[partition.topic] = lags.get(partition.topic, 0) + max(0, end - position)
    return lags
