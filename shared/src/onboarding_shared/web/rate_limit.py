"""A limit of requests per caller: a token bucket for each, in the memory of this process.

The fields are those of draft-ietf-httpapi-ratelimit-headers-09. Only authenticated callers have a bucket, so nobody
can fill the table with names; above ``most_callers`` the bucket that was longest unused is dropped, which gives its
caller a full one.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from onboarding_shared.web.errors import TooManyRequests

WINDOW_SECONDS = 60
MOST_CALLERS = 10_000
POLICY = "caller"


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """Allows each caller ``per_minute`` requests a minute, all of them at once too."""

    def __init__(
        self, per_minute: int, *, now: Callable[[], float] = time.monotonic, most_callers: int = MOST_CALLERS
    ) -> None:
        """``per_minute`` is at least 1."""
        self._capacity = per_minute
        self._per_second = per_minute / WINDOW_SECONDS
        self._now = now
        self._most_callers = most_callers
        self._buckets: OrderedDict[int, _Bucket] = OrderedDict()
        self._policy = f'"{POLICY}";q={per_minute};w={WINDOW_SECONDS}'

    def take(self, user_id: int) -> dict[str, str]:
        """Count one request of this caller; returns the fields of its answer.

        Raises ``TooManyRequests`` RATE_LIMIT_EXCEEDED, with the same fields, when the caller has none left.
        """
        bucket = self._filled(user_id)
        if bucket.tokens < 1.0:
            raise TooManyRequests(
                "RATE_LIMIT_EXCEEDED",
                f"The caller may send {self._capacity} requests within {WINDOW_SECONDS} seconds",
                retry_after=(1.0 - bucket.tokens) / self._per_second,
                headers=self._fields(bucket),
            )
        bucket.tokens -= 1.0
        return self._fields(bucket)

    def _filled(self, user_id: int) -> _Bucket:
        now = self._now()
        bucket = self._buckets.get(user_id)
        if bucket is None:
            bucket = self._buckets[user_id] = _Bucket(float(self._capacity), now)
            if len(self._buckets) > self._most_callers:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(user_id)
            bucket.tokens = min(float(self._capacity), bucket.tokens + (now - bucket.at) * self._per_second)
            bucket.at = now
        return bucket

    def _fields(self, bucket: _Bucket) -> dict[str, str]:
        full_in = math.ceil((self._capacity - bucket.tokens) / self._per_second)
        return {"RateLimit": f'"{POLICY}";r={int(bucket.tokens)};t={full_in}', "RateLimit-Policy": self._policy}
