"""Changes that happen once for each Idempotency-Key: key, answer and change are one commit."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from session_api.domain.idempotency import AnsweredBefore, KeptAnswer, KeyedRequest, KeyInProgress, KeyOfAnother
from session_api.store.idempotency import find_answers, keep_answers, lock_keys

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Once(Generic[Answer]):
    """A request to be done once. ``answer`` makes what is kept of an outcome, None where nothing was changed."""

    request: KeyedRequest
    answer: Callable[[Answer], KeptAnswer | None]


class IdempotencyKeys:
    """Looks keys up and keeps answers for ``lasts_seconds``, in the transaction of the change."""

    def __init__(self, *, lasts_seconds: float) -> None:
        self._lasts_seconds = lasts_seconds

    async def look(self, tx: AsyncConnection, requests: Sequence[KeyedRequest]) -> list[Exception | None]:
        """Lock the keys, and say for each why its request is not to be done; None = do it.

        Of equal keys in ``requests`` the first is done and the others are in progress.
        """
        if not requests:
            return []
        locked = await lock_keys(tx, requests)
        kept = await find_answers(tx, requests, lasts_seconds=self._lasts_seconds)
        reasons: list[Exception | None] = []
        begun: set[tuple[int, int, str, str]] = set()
        for request, has_lock, found in zip(requests, locked, kept, strict=True):
            name = (request.tenant_id, request.user_id, request.operation, request.key)
            if not has_lock:
                reasons.append(KeyInProgress())
            elif found is not None:
                fingerprint, answer = found
                same = fingerprint == request.fingerprint
                reasons.append(AnsweredBefore(answer) if same else KeyOfAnother())
            else:
                reasons.append(KeyInProgress() if name in begun else None)
                begun.add(name)
        return reasons

    async def keep(self, tx: AsyncConnection, outcomes: Sequence[tuple[Once[Answer], Answer]]) -> None:
        """Keep the answers of what was changed."""
        answers = [(once.request, once.answer(outcome)) for once, outcome in outcomes]
        await keep_answers(tx, [(request, answer) for request, answer in answers if answer is not None])

    async def run(
        self, tx: AsyncConnection, once: Once[Answer] | None, work: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Do ``work``, unless it has been done for this key; then raises ``AnsweredBefore`` or why it cannot be."""
        if once is None:
            return await work()
        [reason] = await self.look(tx, [once.request])
        if reason is not None:
            raise reason
        outcome = await work()
        await self.keep(tx, [(once, outcome)])
        return outcome
