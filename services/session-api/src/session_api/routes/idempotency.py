"""The header Idempotency-Key, and answers that are repeated for it."""

import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter

from onboarding_shared.contracts.types import PLATFORM_TENANT
from onboarding_shared.web.errors import BadRequest, Conflict, Problem, Unprocessable
from session_api.domain.idempotency import AnsweredBefore, KeptAnswer, KeyedRequest, KeyInProgress, KeyOfAnother
from session_api.use_cases.idempotency import Once

HEADER = "Idempotency-Key"
_KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,128})"|([\x21\x23-\x5b\x5d-\x7e]{1,128})')

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name=HEADER,
        description="Chosen by the client, 1 to 128 visible ASCII characters: the same request with the same key takes "
        "effect once, and its answer is repeated.",
        examples=[Example(value='"8e03978e-40d5-43dd-bc93-6894a57f9324"')],
    ),
]
Outcome = TypeVar("Outcome")


async def answer_once(
    request: Request[Any, Any, Any],
    key: str | None,
    change: Callable[[Once[Outcome] | None], Awaitable[Outcome]],
    respond: Callable[[Outcome], Response[Any]],
    *,
    conceal: Callable[[bytes], bytes] = bytes,
    reveal: Callable[[bytes], bytes] = bytes,
) -> Response[Any]:
    """The response to a change; with a key the change happens once, and its response is repeated.

    ``conceal`` takes a secret out of the body that is kept, and ``reveal`` puts it in again.

    ``respond`` raises the problem of a refusal, which changed nothing and is not kept: the request may be sent again
    with the same key. Raises ``BadRequest`` IDEMPOTENCY_KEY_INVALID.
    """

    def kept_of(outcome: Outcome) -> KeptAnswer | None:
        return _kept(request, respond, outcome, conceal)

    once = None if key is None else Once(await _keyed(request, key), kept_of)
    try:
        return respond(await change(once))
    except AnsweredBefore as before:
        kept = before.answer
        return Response(reveal(kept.body), status_code=kept.status, headers=kept.headers, media_type=MediaType.JSON)


async def _keyed(request: Request[Any, Any, Any], key: str) -> KeyedRequest:
    form = _KEY.fullmatch(key.strip())
    if form is None:
        message = f"{HEADER} is not 1 to 128 visible ASCII characters without quotes and backslashes"
        raise BadRequest("IDEMPOTENCY_KEY_INVALID", message, extra={"field": HEADER})
    content = request.scope["path"].encode() + b"\n" + await request.body()
    return KeyedRequest(
        tenant_id=request.path_params.get("tenant_id", PLATFORM_TENANT),
        user_id=request.scope["user"].user_id,
        operation=str(request.route_handler.operation_id),
        key=form[1] or form[2],
        fingerprint=sha256(content).digest(),
    )


def _kept(
    request: Request[Any, Any, Any],
    respond: Callable[[Outcome], Response[Any]],
    outcome: Outcome,
    conceal: Callable[[bytes], bytes],
) -> KeptAnswer | None:
    try:
        response = respond(outcome)
    except Problem:
        return None
    status = response.status_code or request.route_handler.status_code
    return KeptAnswer(status, dict(response.headers), conceal(msgspec.json.encode(response.content)))


def key_of_another(_: KeyOfAnother) -> Problem:
    """The key was used for a request with another path or body."""
    return Unprocessable("IDEMPOTENCY_KEY_REUSED", f"The {HEADER} was used for another request")


def key_in_progress(_: KeyInProgress) -> Problem:
    """A request with this key has not been answered yet."""
    message = f"A request with this {HEADER} is in progress"
    return Conflict("IDEMPOTENCY_KEY_IN_PROGRESS", message, retry_after=1)
