"""Changes that a statement of the outbox or the inbox makes besides its own rows, in one round trip."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received


class Change(NamedTuple):
    """``queries`` belong into the WITH clause of the statement, each with a comma behind it; ``values`` are theirs.

    The outbox stores a message if ``condition`` is true, an SQL expression with its ``place`` among all messages, from
    1. The queries of an inbox apply the messages of the tenants in ``continued (tenant_id)``. All text is constant.
    """

    queries: str
    values: Mapping[str, Any]
    condition: str = "true"


NO_CHANGE = Change("", {})


@functools.cache
def _alone(queries: str) -> TextClause:
    return text(f"""
WITH continued AS (SELECT unnest(CAST(:tenants AS bigint[])) AS tenant_id), {queries} done AS (SELECT 1)
SELECT FROM done
""")  # noqa: S608 - no input, only constants


class OneStatement:
    """Applies messages of one topic by one statement, which the inbox can make part of its own."""

    def __init__(self, change: Callable[[Sequence[Received]], Change]) -> None:
        self.change = change

    async def __call__(self, tx: AsyncConnection, batch: Sequence[Received]) -> None:
        """Apply the messages in a transaction, after the statement of the inbox."""
        change = self.change(batch)
        tenants = [received.tenant_id for received in batch]
        await tx.execute(_alone(change.queries), {"tenants": tenants, **change.values})
