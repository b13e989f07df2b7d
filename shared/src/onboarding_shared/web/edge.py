"""The outermost layer of the HTTP side: request id, trace, text of the URL, authentication, entity tags, access log."""

import random
import re
import time
from collections.abc import Collection, Iterable, Mapping

import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.utils.path import normalize_path
from structlog.contextvars import clear_contextvars

from onboarding_shared.telemetry.metrics import Requests
from onboarding_shared.telemetry.tracing import (
    AttributeValue,
    Span,
    bind_traceparent,
    enter_span,
    recording,
    start_span,
)
from onboarding_shared.web.entity_tags import IF_NONE_MATCH, TaggedAnswer
from onboarding_shared.web.errors import CLIENT_GONE, BadRequest, Problem
from onboarding_shared.web.event_streams import ASKED_BY_HEAD, STREAM
from onboarding_shared.web.identity import Authenticator
from onboarding_shared.web.problem_responses import ProblemResponses, failure_of, internal_error, note_failure
from onboarding_shared.web.rate_limit import RateLimit
from onboarding_shared.web.text_rules import check_path_text, check_url_text
from onboarding_shared.web.unread_answers import ANSWER_BYTES

_SANE_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}\Z")
_PLAIN_PATH = re.compile(rb"[A-Za-z0-9/._-]*\Z")
"""Paths whose text needs no closer look."""
_ids = random.Random()  # noqa: S311 (ids need to differ, not to be secret)
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")
"""Answers have data of customers, which no cache may keep."""
_CLOSE = {"Connection": "close"}

log = structlog.get_logger("onboarding.http")


class Edge:
    """Wraps the routed application. Paths in ``public_paths`` need no token, every other one does.

    Without an authenticator nothing is authenticated: only for applications that have public paths alone. Requests to
    public paths count for no ``rate_limit``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator | None,
        public_paths: Collection[str],
        quiet_paths: Collection[str],
        problems: ProblemResponses,
        requests: Requests,
        rate_limit: RateLimit | None = None,
        get_only_paths: Collection[str] = (),
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._public_paths = frozenset(public_paths)
        self._quiet_paths = frozenset(quiet_paths)
        self._problems = problems
        self._requests = requests
        self._rate_limit = rate_limit
        self._get_only_paths = frozenset(get_only_paths)
        self._access = structlog.get_logger("onboarding.access").bind()

    async def __call__(self, outer_scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        method = outer_scope["method"]
        scope = self._head_as_get(outer_scope) if method == "HEAD" else outer_scope
        given_id, traceparent, authorization, hosts, known_tags = _picked(scope)
        request_id = given_id if given_id else f"{_ids.getrandbits(128):032x}"
        id_header = (b"x-request-id", request_id.encode("ascii"))
        scope["request_id"] = request_id  # type: ignore[typeddict-unknown-key]
        clear_contextvars()
        span = self._begin_span(scope, method, traceparent) if recording() else None
        if span is None:
            bind_traceparent(traceparent, request_id=request_id)
        else:
            enter_span(span, request_id=request_id)
        status, ended = 0, 0.0
        limits: list[tuple[bytes, bytes]] = []

        async def reply(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                if STREAM in scope:
                    ended = time.perf_counter()  # its answer is there, whatever time the stream takes
                own = () if _NO_STORE[0] in dict(message["headers"]) else (_NO_STORE,)
                message["headers"] = [*message["headers"], id_header, _NOSNIFF, *own, *limits]
                if status == 405 or method == "OPTIONS":
                    message["headers"] = self._allowing_head(scope["path"], message["headers"])
            elif message["type"] == "http.response.body":
                outer_scope[ANSWER_BYTES] = len(message.get("body", b""))  # type: ignore[typeddict-unknown-key]
            await send(message)

        try:
            if hosts != 1 or scope["http_version"] != "1.1":
                _check_protocol(scope, hosts)
            await self._admit(scope, authorization)
            if self._rate_limit is not None:
                limits += self._count(scope, self._rate_limit)
            tagged = scope["method"] == "GET" and scope["path"] not in self._quiet_paths
            await self._app(scope, receive, TaggedAnswer(reply, known_tags) if tagged else reply)
        except Problem as problem:
            note_failure(scope, problem, problem)
            await self._answer(problem, request_id, reply)
        except Exception as error:
            log.error("request failed", exc_info=error)
            if status:
                raise
            await self._answer(internal_error(), request_id, reply)
        finally:
            self._account(scope, method, status or CLIENT_GONE, (ended or time.perf_counter()) - started, span)

    def _head_as_get(self, scope: HTTPScope) -> HTTPScope:
        """The request that is answered for a HEAD: the same with GET, unless a GET of its path has effects.

        The server sends no body, because the request that it knows is still a HEAD.
        """
        if normalize_path(scope["path"]) in self._get_only_paths:
            return scope
        return {**scope, "method": "GET", ASKED_BY_HEAD: True}  # type: ignore[typeddict-unknown-key]

    def _allowing_head(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers with HEAD in Allow, where GET is."""
        if normalize_path(path) in self._get_only_paths:
            return [*headers]
        return [(name, _with_head(value) if name == b"allow" else value) for name, value in headers]

    def _begin_span(self, scope: HTTPScope, method: str, traceparent: str | None) -> Span | None:
        """The request's span; those to health and metrics pages have none."""
        if scope["path"] in self._quiet_paths:
            return None
        seen = {"http.request.method": method, "url.scheme": scope["scheme"], "url.path": scope["path"]}
        return start_span(method, "server", parent=traceparent, attributes=seen)

    async def _admit(self, scope: HTTPScope, authorization: str | None) -> None:
        path = scope["path"]
        raw_path = scope.get("raw_path") or path.encode("utf-8", "surrogateescape")
        if not _PLAIN_PATH.match(raw_path):
            check_path_text(raw_path.partition(b"?")[0])
        if scope["query_string"]:
            check_url_text(scope["query_string"], "query")
        authenticator = self._authenticator
        if authenticator is not None and path not in self._public_paths:
            known = authenticator.recall(authorization)
            scope["user"] = known or await authenticator.authenticate_header(authorization)

    def _count(self, scope: HTTPScope, rate_limit: RateLimit) -> list[tuple[bytes, bytes]]:
        caller = scope.get("user")
        return [] if caller is None else _encoded(rate_limit.take(caller.user_id))

    async def _answer(self, problem: Problem, request_id: str, send: Send) -> None:
        body = self._problems.body(problem, request_id)
        headers = _encoded(problem.headers)
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode("ascii"))]
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _account(self, scope: HTTPScope, method: str, status: int, seconds: float, span: Span | None) -> None:
        """Say in log, metrics and trace how the request ended."""
        route = scope.get("path_template")
        quiet = scope["path"] in self._quiet_paths
        access = self._access
        write = access.debug if quiet else access.error if status >= 500 else access.info
        failure = failure_of(scope) if status >= 500 else {}
        write("request", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 2), **failure)
        self._requests.note(method, route, status, seconds)
        if span is not None:
            _end(span, scope, method, status)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]


def _with_head(methods: bytes) -> bytes:
    names = set(methods.decode("ascii").split(", "))
    return ", ".join(sorted(names | ({"HEAD"} if "GET" in names else set()))).encode("ascii")


def _end(span: Span, scope: HTTPScope, method: str, status: int) -> None:
    route = scope.get("path_template")
    known: dict[str, AttributeValue | None] = {"http.route": route, "http.response.status_code": status}
    parameters = scope.get("path_params") or {}
    known |= {f"onboarding.{name}": parameters[name] for name in ("tenant_id", "run_id") if name in parameters}
    span.note(known, name=f"{method} {route}" if route else None)
    span.end(str(status) if status >= 500 else None)


def _check_protocol(scope: HTTPScope, hosts: int) -> None:
    """Raises for what RFC 9112, 3.2 refuses: HTTP/1.1 without a Host header, more than one, and another version."""
    version = scope["http_version"]
    if version not in ("1.0", "1.1"):
        raise BadRequest("BAD_REQUEST", "The request is not HTTP/1.1", headers=_CLOSE)
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        raise BadRequest("BAD_REQUEST", "The request must have one Host header", headers=_CLOSE)


def _picked(scope: Scope) -> tuple[str | None, str | None, str | None, int, bytes | None]:
    request_id = traceparent = authorization = known_tags = None
    hosts = 0
    for name, value in scope["headers"]:
        if name == b"host":
            hosts += 1
        elif name == b"x-request-id":
            request_id = value.decode("ascii") if _SANE_REQUEST_ID.match(value) else None
        elif name == b"traceparent":
            traceparent = value.decode("latin-1")
        elif name == b"authorization":
            # Two such headers could mean two identities; the comma makes neither of them a token.
            authorization = value.decode("latin-1") if authorization is None else f"{authorization}, again"
        elif name == IF_NONE_MATCH:
            known_tags = value if known_tags is None else known_tags + b"," + value
    return request_id, traceparent, authorization, hosts, known_tags
