"""Problems, described so that people and programs can act on them.

Anything that answers a request raises a ``Problem``; the HTTP layer turns it into the contract's
``{"error": …}`` with a stable ``code``, the next step, and the members of RFC 9457.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

DOCUMENTATION = "/schema"
"""The page that explains the codes; a problem's ``type`` is this page with the code as fragment."""

CODES: dict[str, str] = {
    "BODY_NOT_EXPECTED": "This operation takes no request body: send none, or an empty object.",
    "BODY_TOO_LARGE": "A request body may have 64 KiB at most.",
    "BODY_TOO_SLOW": "The body did not arrive in time: send it again on a better connection.",
    "BAD_REQUEST": "The request cannot be understood: compare it with the API page.",
    "DEAD_LETTER_HANDLED": "Nothing is left to do: GET the dead letter to see who has replayed or discarded it.",
    "DEAD_LETTER_NOT_FOUND": "No dead letter has this id, or it was removed because of its age: list the dead letters.",
    "DEAD_LETTER_NOT_REPLAYABLE": "Discard it; what it announced is published again by its service if it still counts.",
    "DEPENDENCY_DOWN": "Something this service needs does not answer: try again after the seconds in Retry-After.",
    "EMPTY_BODY": "This operation needs a JSON object as request body.",
    "HEADERS_TOO_LARGE": "The headers of a request may have 32 KiB and be 100 at most.",
    "HEADERS_TOO_SLOW": "The headers did not arrive in time: send the request again on a better connection.",
    "INTERNAL_ERROR": "A fault of ours: try again; if it stays, report the request_id.",
    "INVALID_FIELD": "A member of the body has the wrong type or is out of range: see field.",
    "INVALID_JSON": "The body is not valid JSON (RFC 8259).",
    "INVALID_PARAMETER": "A query parameter has the wrong type or is out of range: see field.",
    "INVALID_PATH_ID": "Ids in paths are integers from 1 to 9223372036854775807, in plain decimal digits.",
    "INVALID_UTF8": "Paths, queries and bodies are UTF-8.",
    "LONE_SURROGATE": "Texts may not contain half of a surrogate pair.",
    "METHOD_NOT_ALLOWED": "This path exists, but not with this method: see the Allow header.",
    "MISSING_FIELD": "A required member of the body is missing: see field.",
    "MISSING_PARAMETER": "A required query parameter is missing.",
    "NESTING_TOO_DEEP": "JSON may be nested 32 levels deep at most.",
    "NUL_CHARACTER": "Texts may not contain the character NUL.",
    "PERMISSION_MISSING": "The token lacks the permission named in permission: ask for one that has it.",
    "RATE_LIMIT_EXCEEDED": "Send fewer requests: try again after the seconds in Retry-After.",
    "REPEATED_PARAMETER": "This query parameter may be given once only.",
    "ROUTE_NOT_FOUND": "There is nothing at this path: see the API page.",
    "TENANT_NOT_FOUND": "There is no such tenant, or the token does not include it.",
    "TOKEN_EXPIRED": "The token has expired: get a new one.",
    "TOKEN_INVALID": "The token is not one this service trusts: check issuer, audience, key and times.",
    "TOKEN_MISSING": "Send the header Authorization: Bearer TOKEN.",
    "UNKNOWN_FIELD": "The body has a member this operation does not know: see field.",
    "UNKNOWN_PARAMETER": "The query has a parameter this operation does not know: see field.",
    "UNSUPPORTED_MEDIA_TYPE": "Bodies are application/json in UTF-8: set the Content-Type header.",
    "URL_TOO_LONG": "A URL may have 8 KiB at most.",
}
"""Every code of the runtime with what to do about it. Services add theirs through ``build_http``."""


class Problem(Exception):
    """An answer that is an error.

    ``status`` is the HTTP status, ``code`` a stable upper-case word, ``message`` one sentence for people. ``next`` says
    what to do; left out, the code's own entry in ``CODES`` says it. ``retry_after`` is in seconds and becomes the
    header. ``headers`` are added to the response and ``extra`` to the members of the body.
    """

    status = 500

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        next: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status if status is not None else type(self).status
        self.next = next
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, -int(-retry_after // 1)))


class BadRequest(Problem):
    """400: the request is wrong and will be wrong again."""

    status = 400


class Unauthorized(Problem):
    """401: who is calling is not known."""

    status = 401


class Forbidden(Problem):
    """403: the caller is known and may not do this."""

    status = 403


class NotFound(Problem):
    """404: there is no such thing, or the caller may not know that there is."""

    status = 404


class MethodNotAllowed(Problem):
    """405: the path exists with other methods."""

    status = 405


class Conflict(Problem):
    """409: it does not fit the present state."""

    status = 409


class PreconditionFailed(Problem):
    """412: a condition of the request does not hold."""

    status = 412


class TooLarge(Problem):
    """413: more than is accepted."""

    status = 413


class Unprocessable(Problem):
    """422: understood, and contradicts an earlier request."""

    status = 422


class UnsupportedMediaType(Problem):
    """415: not a JSON body."""

    status = 415


class TooManyRequests(Problem):
    """429: a limit of the caller or of its tenant is reached."""

    status = 429


class DependencyDown(Problem):
    """503: a database, broker or service this one needs does not answer."""

    status = 503

    def __init__(
        self, code: str = "DEPENDENCY_DOWN", message: str = "A dependency does not answer", **more: Any
    ) -> None:
        more.setdefault("retry_after", 1)
        super().__init__(code, message, **more)


CLIENT_GONE = 499
"""Not sent to anybody: how a request counts whose client left before it was complete."""


class ClientGone(Problem):
    """The client went away in the middle of its request. No fault of ours and nobody to answer."""

    status = CLIENT_GONE

    def __init__(self) -> None:
        super().__init__("CLIENT_GONE", "The client went away")


def problem_body(problem: Problem, request_id: str, codes: Mapping[str, str] = CODES) -> bytes:
    """The JSON document that answers with this problem."""
    title = HTTPStatus(problem.status).phrase if problem.status in HTTPStatus._value2member_map_ else "Error"
    next_step = problem.next if problem.next is not None else codes.get(problem.code, "")
    document: dict[str, Any] = {
        **problem.extra,
        "error": problem.message,
        "code": problem.code,
        "status": problem.status,
        "next": next_step,
        "request_id": request_id,
        "type": f"{DOCUMENTATION}#{problem.code}",
        "title": title,
        "detail": problem.message,
    }
    return msgspec.json.encode(document)
