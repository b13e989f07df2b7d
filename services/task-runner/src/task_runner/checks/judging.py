"""Items that cannot be judged: they are named, and make a result ``unknown`` only if they could change it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from task_runner.tasks.result import CannotTell, Result

MAX_LISTED = 200


class NotJudged(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a response, its id and name if they can be read, and the reason."""

    id: str | None
    name: str | None
    reason_code: str
    message: str

    @classmethod
    def of(cls, item: object, failure: CannotTell, name: str) -> "NotJudged":
        """Return the item with the failure to read it; ``name`` is the field with its name."""
        fields = item if isinstance(item, dict) else {}
        texts = {key: value for key, value in fields.items() if isinstance(value, str)}
        return cls(id=texts.get("id"), name=texts.get(name), reason_code=failure.reason_code, message=failure.message)


def settled(possible: Sequence[Result], not_judged: Sequence[NotJudged]) -> Result:
    """Return the first result if all of them agree in status and reason code, otherwise ``unknown``.

    ``possible`` are the results without the items that cannot be judged, and with what they could be.
    """
    first = possible[0]
    if not not_judged:
        return first
    payload: dict[str, Any] = {**first.payload, "not_judged": msgspec.to_builtins(tuple(not_judged[:MAX_LISTED]))}
    if all((result.status, result.reason_code) == (first.status, first.reason_code) for result in possible):
        return msgspec.structs.replace(first, payload=payload)
    cause = not_judged[0]
    named = f"“{cause.name or cause.id}”: " if cause.name or cause.id else ""
    message = f"{len(not_judged)} items cannot be judged, and could change the result. {named}{cause.message}"
    return Result.unknown(cause.reason_code, message, payload)
