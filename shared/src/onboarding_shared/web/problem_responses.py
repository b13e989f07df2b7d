"""Turns whatever a request raised into the answer for its client, and logs what is our own fault."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from onboarding_shared.web.errors import BadRequest, MethodNotAllowed, NotFound, Problem, problem_body

log = structlog.get_logger("onboarding.http")

_LONGEST_REASON = 500

Translation = Callable[[Any], Problem]
"""Makes a problem of an exception of the service's own."""


class ProblemResponses:
    """The exception handlers of one application. ``codes`` explains the codes that problems of it may have."""

    def __init__(self, codes: Mapping[str, str], translations: Mapping[type[Exception], Translation]) -> None:
        self._codes = codes
        self._translations = translations

    def handlers(self) -> ExceptionHandlersMap:
        """The map to give to Litestar."""
        translated = {kind: self._translated(translation) for kind, translation in self._translations.items()}
        return {**translated, Problem: self.respond, HTTPException: self._from_http, Exception: self._unexpected}

    def body(self, problem: Problem, request_id: str) -> bytes:
        """The JSON document for a problem."""
        return problem_body(problem, request_id, self._codes)

    def respond(self, request: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
        """The response for a problem."""
        note_failure(request.scope, problem, problem)
        return Response(
            content=self.body(problem, str(request.scope.get("request_id", ""))),
            status_code=problem.status,
            headers=problem.headers,
            media_type="application/json",
        )

    def _translated(self, translation: Translation) -> Callable[[Request[Any, Any, Any], Any], Response[bytes]]:
        def handle(request: Request[Any, Any, Any], error: Any) -> Response[bytes]:
            problem = translation(error)
            response = self.respond(request, problem)
            note_failure(request.scope, problem, error)
            return response

        return handle

    def _from_http(self, request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
        if error.status_code >= 500:
            return self._unexpected(request, error)
        return self.respond(request, problem_of(error))

    def _unexpected(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        log.error("request failed", route=request.scope.get("path_template"), exc_info=error)
        response = self.respond(request, internal_error())
        note_failure(request.scope, internal_error(), error)
        return response


def note_failure(scope: Any, problem: Problem, cause: BaseException) -> None:
    """Keep what failed for the access log, if the response says that it is not the fault of the client."""
    if problem.status >= 500:
        root = cause.__cause__ or cause
        reason = f"{type(root).__name__}: {root}".partition("\n")[0]  # further lines are SQL with its parameters
        scope["failure"] = {"code": problem.code, "reason": reason[:_LONGEST_REASON]}


def failure_of(scope: Any) -> dict[str, str]:
    """The code of the response and the reason for it, if they were noted."""
    return scope.get("failure", {})


def internal_error() -> Problem:
    """The answer about a fault of ours: nothing but that there was one."""
    return Problem("INTERNAL_ERROR", "Something went wrong inside the service", status=500)


def problem_of(error: HTTPException) -> Problem:
    """The problem for an error that Litestar itself found in a request."""
    if isinstance(error, ValidationException):
        return _invalid(error)
    if error.status_code == 404:
        return NotFound("ROUTE_NOT_FOUND", "There is nothing at this path")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("allow", "")
        return MethodNotAllowed("METHOD_NOT_ALLOWED", "This path has no such method", headers={"Allow": allowed})
    return Problem("BAD_REQUEST", error.detail, status=error.status_code, headers=error.headers)


def _invalid(error: ValidationException) -> BadRequest:
    found: list[dict[str, Any]] = error.extra if isinstance(error.extra, list) else []
    if not found:
        return BadRequest("MISSING_PARAMETER", error.detail.partition(" for path ")[0])
    first = found[0]
    field, source = str(first.get("key", "")), str(getattr(first.get("source"), "value", first.get("source")))
    code = {"path": "INVALID_PATH_ID", "body": "INVALID_FIELD"}.get(source, "INVALID_PARAMETER")
    return BadRequest(code, f"{field}: {first['message']}", extra={"field": field})
