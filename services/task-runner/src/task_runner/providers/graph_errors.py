"""Maps error responses of Microsoft Graph and its token service to exceptions."""

import re
from collections.abc import Mapping
from typing import Any

from task_runner.tasks.result import CannotTell, TaskFault

FORBIDDEN = "GRAPH_FORBIDDEN"
NOT_FOUND = "GRAPH_NOT_FOUND"
NOT_LICENSED = "NOT_LICENSED"
THROTTLED = "GRAPH_THROTTLED"
UNAVAILABLE = "GRAPH_UNAVAILABLE"
REJECTED = "GRAPH_REQUEST_REJECTED"
REDIRECTED = "GRAPH_REDIRECTED"
RESPONSE_INVALID = "GRAPH_RESPONSE_INVALID"
SIGN_IN_REFUSED = "TOKEN_REFUSED"

MAX_TEXT = 300

_AADSTS: Mapping[str, tuple[str, str]] = {
    "65001": ("CONSENT_MISSING", "The application has no consent in this tenant."),
    "700016": ("CONSENT_MISSING", "The application does not exist in this tenant."),
    "7000229": ("CONSENT_MISSING", "The application has no service principal in this tenant."),
    "700082": ("CREDENTIAL_EXPIRED", "The credential has expired."),
    "7000222": ("CREDENTIAL_EXPIRED", "The client secret has expired."),
    "7000215": ("CREDENTIAL_INVALID", "The client secret is wrong."),
    "7000216": ("CREDENTIAL_INVALID", "The request contained no client secret."),
    "50020": ("GUEST_OR_GROUP_MISSING", "The account is not in this tenant or not in the mapped group."),
    "50177": ("GUEST_OR_GROUP_MISSING", "The account is not in this tenant or not in the mapped group."),
    "53003": ("BLOCKED_BY_CONDITIONAL_ACCESS", "A Conditional Access policy of this tenant blocks the application."),
    "5000224": ("TENANT_GONE", "The tenant is no longer available."),
    "90002": ("TENANT_GONE", "The tenant does not exist."),
    "900023": ("TENANT_UNAVAILABLE", "The token service cannot use this tenant id."),
}
"""AADSTS error number to reason code and meaning. Sources: CIPP Get-NormalizedError.ps1, and
https://learn.microsoft.com/entra/identity-platform/reference-error-codes for 700016, 70002xx and 90002."""

_TRANSIENT_OAUTH_ERRORS = frozenset({"temporarily_unavailable", "server_error"})
_NO_LICENCE_CODES = frozenset({"aadpremiumlicenserequired", "authentication_requestfromnonpremiumtenantorb2ctenant"})
_NO_LICENCE_TEXTS = (
    "not licensed for this feature",
    "doesn't have premium license",
    "needs to have microsoft entra id",
)


class GraphRefused(CannotTell):
    """Microsoft Graph refused a request, with the HTTP status ``http_status`` and the error code ``graph_code``."""

    def __init__(
        self, reason_code: str, message: str, http_status: int, graph_code: str, payload: Mapping[str, Any] = {}
    ) -> None:
        super().__init__(reason_code, message, {"http_status": http_status, "graph_code": graph_code, **payload})
        self.http_status = http_status
        self.graph_code = graph_code


class SignInRefused(CannotTell):
    """The token service refused the application permanently; ``aadsts`` is the error number, or empty."""

    def __init__(self, reason_code: str, message: str, aadsts: str, oauth_error: str) -> None:
        super().__init__(reason_code, message, {"aadsts": aadsts, "oauth_error": oauth_error})
        self.aadsts = aadsts


def throttled(url: str, retry_after: float | None) -> TaskFault:
    """Return the exception for a throttled request."""
    delay = "" if retry_after is None else f"; Retry-After is {retry_after:g} s"
    message = f"{url} throttles the requests of this application{delay}."
    return TaskFault(THROTTLED, message, retryable=True, retry_after=retry_after)


def unavailable(url: str, failure: str, retry_after: float | None = None) -> TaskFault:
    """Return the exception for a request without a usable response."""
    return TaskFault(UNAVAILABLE, f"{url} did not respond: {failure}.", retryable=True, retry_after=retry_after)


def refusal(
    status: int, url: str, body: object, permission: str | None, retry_after: float | None
) -> CannotTell | TaskFault:
    """Return the exception for an error response of Microsoft Graph."""
    code, text = error_of(body)
    if status == 429:
        return throttled(url, retry_after)
    if status >= 500:
        return unavailable(url, f"HTTP {status} {code}".strip(), retry_after)
    if _is_licence_error(code, text):
        message = f"The tenant has no licence for this request: {text}"
        return GraphRefused(NOT_LICENSED, message, status, code, {"applicable": False})
    if status in (401, 403):
        needed = f" The application needs the permission {permission}." if permission else ""
        missing = {"missing_permission": permission} if permission else {}
        return GraphRefused(FORBIDDEN, f"Microsoft Graph refused {url}: {code}.{needed}", status, code, missing)
    if status == 404:
        return GraphRefused(NOT_FOUND, f"{url} does not exist in Microsoft Graph.", status, code)
    if 300 <= status < 400:
        return GraphRefused(REDIRECTED, f"{url} returned a redirect, which is not followed.", status, code)
    return GraphRefused(REJECTED, f"Microsoft Graph rejected {url}: {code} {text}".rstrip(), status, code)


def token_refusal(error: str, description: str) -> CannotTell | TaskFault:
    """Return the exception for an OAuth error of the token service."""
    number = aadsts_number(description)
    known = _AADSTS.get(number)
    if known is None and error in _TRANSIENT_OAUTH_ERRORS:
        return TaskFault(UNAVAILABLE, f"The token service is unavailable: {error}.", retryable=True)
    reason, meaning = known or (SIGN_IN_REFUSED, f"The token service refused the application: {error}.")
    suffix = f" (AADSTS{number})" if number else ""
    return SignInRefused(reason, f"{meaning}{suffix}", number, error)


def aadsts_number(description: str) -> str:
    """Return the number in ``AADSTS65001: …``, or an empty text."""
    match = re.search(r"AADSTS(\d{4,8})\b", description)
    return match.group(1) if match else ""


def error_of(body: object) -> tuple[str, str]:
    """Return code and message of a Microsoft Graph error body; empty texts if it has another structure."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), error.get("message")
    return (
        code[:MAX_TEXT] if isinstance(code, str) else "",
        message[:MAX_TEXT] if isinstance(message, str) else "",
    )


def _is_licence_error(code: str, text: str) -> bool:
    lowered = text.lower()
    return code.lower() in _NO_LICENCE_CODES or any(part in lowered for part in _NO_LICENCE_TEXTS)
