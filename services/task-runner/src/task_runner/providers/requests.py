"""One request to Microsoft Graph of one attempt: signs in, waits for its turn, retries, and records the responses."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx2
import stamina
import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from task_runner.providers import graph_errors
from task_runner.providers.backoff import FIRST_WAIT, JITTER, LONGEST_BACKOFF, backoff_hook, retry_after_of
from task_runner.providers.batches import batch_body, recorded_as, responses_in, together
from task_runner.providers.gates import Waiting
from task_runner.providers.graph_errors import CredentialPending, SignInRefused
from task_runner.providers.http import TOO_LARGE
from task_runner.providers.limits import cost_of
from task_runner.providers.memory import Share
from task_runner.providers.messages import Answer, AttemptLimits, GraphRequest, without_query
from task_runner.providers.record import RecordedResponse, ResponseRecord
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.providers.tokens import GraphSession, GraphSessions
from task_runner.tasks.result import CannotTell, TaskFault

MARGIN = 0.25
"""Seconds before the run's deadline at which a request gives up, so that the run can still report the reason."""
CERTIFICATE_RETRIES = 3
"""Further token requests with a certificate that is not known everywhere yet."""

REFUSED_TOKEN = (401, 403)

_log = structlog.get_logger(__name__)


def _note_retry(details: RetryDetails) -> None:
    """Instead of Stamina's own line at level warning: what is repeated with success is no news."""
    _log.debug("request_retried", number=details.retry_num, seconds=details.wait_for, reason=str(details.caused_by))


set_on_retry_hooks([_note_retry])


class GraphRequests:
    """Sends the requests of one attempt to one tenant, until the deadline; ``record`` gets every response."""

    def __init__(
        self,
        use: TenantConnection,
        sessions: GraphSessions,
        settings: ProviderSettings,
        limits: AttemptLimits,
        record: ResponseRecord,
    ) -> None:
        self.record = record
        self.credential_expires_at: datetime | None = None
        """The end of the credential, once a token was used; None = not known."""
        self._use = use
        self._sessions = sessions
        self._settings = settings
        self._limits = limits

    async def send(self, request: GraphRequest) -> Answer:
        """Return the response, after retries. Raises ``TaskFault`` for a fault that another attempt may resolve.

        Raises ``SignInRefused``, and ``CannotTell`` if the response is too large.
        """
        return await self._retried(self._send, request, repeatable=request.method == "GET")

    async def send_together(self, reads: Sequence[GraphRequest], root: str) -> list[Answer]:
        """Return the responses to reads of one API version, whose URL is ``root``, in as few requests as possible.

        Raises as ``send`` does, for all of them.
        """
        answers: list[Answer] = []
        for part in together(len(reads)):
            if len(reads[part]) == 1:
                answers.append(await self.send(reads[part][0]))
                continue
            missing = {str(number): read for number, read in enumerate(reads[part])}
            order, done = list(missing), dict[str, Answer]()
            await self._retried(self._send_batch, missing, done, root, repeatable=True)
            answers += [done[name] for name in order]
        return answers

    async def _retried(self, call: Callable[..., Awaitable[Any]], *given: Any, repeatable: bool) -> Any:
        hook = backoff_hook(repeatable=repeatable, longest_wait=self._settings.longest_wait, remaining=self.remaining)
        caller = stamina.AsyncRetryingCaller(
            attempts=self._settings.attempts,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_BACKOFF,
            wait_jitter=JITTER,
        )
        return await caller(hook, call, *given)

    def remaining(self) -> float:
        """Seconds until a request gives up, negative after it."""
        return self._limits.deadline - MARGIN - time.monotonic()

    async def ready_session(self, not_older_than: float = 0.0) -> GraphSession:
        """The session with a token that is valid, and not older than this ``time.monotonic()``."""
        retries = 0
        while True:
            try:
                return await self._signed_in(not_older_than)
            except CredentialPending:
                retries += 1
                if retries > CERTIFICATE_RETRIES or self.remaining() <= self._settings.certificate_wait:
                    raise
            await asyncio.sleep(self._settings.certificate_wait)

    async def _send(self, request: GraphRequest) -> Answer:
        started = time.monotonic()
        session = await self.ready_session()
        obtained = session.token_obtained  # of the token that is sent: another run can renew it during the request
        answer = self._noted(await self._exchange(session, request))
        if answer.recorded.status in REFUSED_TOKEN and obtained < started:
            # The token was cached: it may be revoked, or lack permissions that were granted since.
            session = await self.ready_session(not_older_than=started)
            answer = self._noted(await self._exchange(session, request))
        if not answer.ok:
            with suppress(CannotTell):  # a refusal is an answer, and a fault is retried
                answer.decoded(request.permission)
        return answer

    async def _send_batch(self, missing: dict[str, GraphRequest], done: dict[str, Answer], root: str) -> None:
        """Move the reads that are answered from ``missing`` to ``done``. Raises a fault of one that is not."""
        started = time.monotonic()
        session = await self.ready_session()
        obtained = session.token_obtained
        answers = await self._exchange_batch(session, missing, root)
        refused = {name for name, answer in answers.items() if answer.recorded.status in REFUSED_TOKEN}
        if refused and obtained < started:
            session = await self.ready_session(not_older_than=started)
            answers |= await self._exchange_batch(session, {name: missing[name] for name in refused}, root)
        faults: list[TaskFault] = []
        for name, answer in answers.items():
            try:
                answer.decoded(missing[name].permission)
            except TaskFault as fault:
                faults.append(fault)
                continue
            except CannotTell:
                pass  # a refusal is an answer
            done[name] = answer
            del missing[name]
        if faults:
            raise max(faults, key=lambda fault: fault.retry_after or 0.0)

    async def _exchange_batch(
        self, session: GraphSession, reads: Mapping[str, GraphRequest], root: str
    ) -> dict[str, Answer]:
        batch = GraphRequest(
            method="POST",
            url=f"{root}/$batch",
            version=next(iter(reads.values())).version,
            body=batch_body({name: (read.url.removeprefix(root), read.headers) for name, read in reads.items()}),
            cost=cost_of(read.url for read in reads.values()),
        )
        outer = await self._exchange(session, batch)
        if not outer.ok:
            self._noted(outer).decoded(None)
        answers: dict[str, Answer] = {}
        responses = responses_in(outer.content, list(reads))
        for name, read in reads.items():
            response, content = responses[name], bytes(responses[name].body)
            answers[name] = self._noted(
                Answer(
                    recorded=recorded_as(outer.recorded, response, read.url, read.permission),
                    content=content if 200 <= response.status < 300 else _redacted(session, content),
                    retry_after=_pause(session, read.url, response.status, response.lower_headers),
                )
            )
        return answers

    def _noted(self, answer: Answer) -> Answer:
        """Add the response to the record."""
        self.record.add(answer.recorded, size=len(answer.content))
        return answer

    async def _signed_in(self, not_older_than: float) -> GraphSession:
        session = self._sessions.of(self._use)
        try:
            async with asyncio.timeout(self._limit()):
                await session.ensure_token(not_older_than)
        except (SignInRefused, CredentialPending):
            self._sessions.forget(self._use)
            raise
        except TimeoutError:
            raise graph_errors.unavailable("The token service", "no answer in time") from None
        self.credential_expires_at = session.credential_expires_at
        return session

    async def _exchange(self, session: GraphSession, request: GraphRequest) -> Answer:
        endpoint = without_query(request.url)
        options: dict[str, Any] = {"headers": {"Accept": "application/json", **request.headers}}
        if request.body is not None:
            options["json"] = dict(request.body)
        waiting = Waiting.of(self._limits.run_id, self.remaining(), self._limits.deferrals)
        async with session.gate.turn(waiting, request.url, request.cost or cost_of([request.url])):
            started = time.monotonic()
            try:
                async with (
                    asyncio.timeout(self._limit()),
                    session.request(request.method, request.url, **options) as response,
                ):
                    content = await _read(response, self._settings.max_response_bytes, endpoint, self._limits.memory)
            except TimeoutError:
                raise graph_errors.unavailable(endpoint, "no response in time") from None
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                raise graph_errors.unavailable(endpoint, type(error).__name__) from None
        recorded = RecordedResponse(
            external_tenant_id=self._use.connection.external_tenant_id,
            method=request.method,
            url=request.url,
            api_version=request.version,
            status=response.status_code,
            permission=request.permission,
            request_id=response.headers.get("request-id"),
            elapsed_ms=round((time.monotonic() - started) * 1000),
            body_sha256=hashlib.sha256(content).hexdigest(),
            collected_at=datetime.now(UTC),
        )
        pause = _pause(session, request.url, response.status_code, response.headers)
        kept = content if response.is_success else _redacted(session, content)
        return Answer(recorded=recorded, content=kept, retry_after=pause)

    def _limit(self) -> float:
        return max(0.0, min(self._settings.request_timeout, self.remaining()))


def _pause(session: GraphSession, url: str, status: int, headers: Mapping[str, str]) -> float | None:
    """The seconds to wait before the request is repeated; None = the usual backoff."""
    told = retry_after_of(headers)
    if status == 429:
        return session.gate.throttled(url, told)
    session.gate.answered(url)
    return told


def _redacted(session: GraphSession, content: bytes) -> bytes:
    try:
        return session.redacted(content.decode()).encode()
    except UnicodeDecodeError:
        return b""


async def _read(response: httpx2.Response, limit: int, endpoint: str, memory: Share) -> bytes:
    """The body, which stays counted in ``memory``."""
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in response.aiter_bytes():
            if size + len(chunk) > limit:
                raise CannotTell(TOO_LARGE, f"The response of {endpoint} exceeds {limit} bytes.")
            await memory.reserve(len(chunk))
            chunks.append(chunk)
            size += len(chunk)
    except BaseException:
        memory.give_back(size)
        raise
    return b"".join(chunks)
