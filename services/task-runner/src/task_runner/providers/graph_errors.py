"""Maps error responses of Microsoft Graph and its token service to exceptions."""

import re
from collections.abc import Mapping, Sequence
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

_NOT_CONSENTED = "CONSENT_MISSING"
_DISABLED = "CONSENT_DISABLED"
_INVALID = "CREDENTIAL_INVALID"
_EXPIRED = "CREDENTIAL_EXPIRED"
_UNREGISTERED = "CERTIFICATE_NOT_REGISTERED"
_NO_ACCOUNT = "GUEST_OR_GROUP_MISSING"
_MFA = "MFA_REQUIRED"
_BLOCKED = "BLOCKED_BY_CONDITIONAL_ACCESS"
_NO_RESOURCE = "RESOURCE_NOT_IN_TENANT"
_GONE = "TENANT_GONE"

_AADSTS: Mapping[int, tuple[str, str]] = {
    65001: (_NOT_CONSENTED, "Nobody has consented to the application in this tenant."),
    700016: (
        _NOT_CONSENTED,
        "The application is not known in this tenant: nobody has consented yet, or its registration is for one tenant "
        "only, or the tenant is in another cloud.",
    ),
    7000229: (_NOT_CONSENTED, "The application has no service principal in this tenant."),
    7000112: (_DISABLED, "The application's service principal is disabled in this tenant."),
    65004: ("CONSENT_DECLINED", "The user declined to consent to the application."),
    90093: ("CONSENT_NEEDS_ADMIN", "The user may not consent to the application; an administrator may."),
    90094: ("CONSENT_NEEDS_ADMIN", "Only an administrator can consent to the application."),
    650051: ("SERVICE_PRINCIPAL_CONFLICT", "The service principal exists already, or is being created."),
    650052: (_NO_RESOURCE, "The application asks for a service that this tenant has not subscribed to."),
    500011: (_NO_RESOURCE, "Microsoft Graph of the connection's cloud has no service principal in this tenant."),
    50011: ("REDIRECT_URI_MISMATCH", "The redirect address is not registered for the application."),
    700082: (_EXPIRED, "The credential has expired."),
    7000222: (_EXPIRED, "The client secret has expired."),
    7000215: (_INVALID, "The client secret is wrong."),
    7000216: (_INVALID, "The request carried no client secret and no assertion."),
    7000218: (_INVALID, "The request carried no client secret and no assertion."),
    700027: (_UNREGISTERED, "The certificate is not registered for the application, or not known everywhere yet."),
    700024: ("ASSERTION_NOT_IN_TIME", "The time in the assertion is not now: it has expired, or a clock is wrong."),
    50020: (_NO_ACCOUNT, "The account is not in this tenant or not in the mapped group."),
    50034: (_NO_ACCOUNT, "The account does not exist in this tenant."),
    50177: (_NO_ACCOUNT, "The account is not in this tenant or not in the mapped group."),
    50057: ("ACCOUNT_DISABLED", "The account is disabled."),
    50076: (_MFA, "The tenant requires multifactor authentication of the account."),
    50079: (_MFA, "The account has to register for multifactor authentication."),
    50158: (_MFA, "The tenant requires a further, external authentication of the account."),
    53003: (_BLOCKED, "A Conditional Access policy of this tenant blocks the sign-in."),
    530003: (_BLOCKED, "A Conditional Access policy of this tenant requires a managed device."),
    700003: (_BLOCKED, "The tenant requires a registered device, and this one is not."),
    9002313: ("TOKEN_REQUEST_INVALID", "The token service found the request malformed."),
    5000224: (_GONE, "This tenant is not available any more."),
    90002: (_GONE, "There is no such tenant."),
    50059: ("TENANT_UNAVAILABLE", "The request did not say which tenant it is for."),
    900023: ("TENANT_UNAVAILABLE", "The token service cannot use this tenant id."),
}
"""AADSTS number to reason code and meaning. Sources: CIPP Get-NormalizedError.ps1, and
https://learn.microsoft.com/entra/identity-platform/reference-error-codes."""

_ABSENT_CODES = frozenset(
    {"request_resourcenotfound", "resourcenotfound", "itemnotfound", "notfound", "directory_objectnotfound"}
)
"""Error codes with which Microsoft Graph says that an object does not exist. Another 404 is not about the object."""
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


class CredentialPending(TaskFault):
    """The token service does not accept the credential yet; another attempt reads it again."""


def throttled(url: str, retry_after: float | None) -> TaskFault:
    """Return the exception for a throttled request."""
    delay = "" if retry_after is None else f"; the next one is due in {retry_after:.3g} s"
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
    if (status in (401, 403, 404) and not code) or (status == 404 and code.lower() not in _ABSENT_CODES):
        return unavailable(url, f"HTTP {status} {code}, which is no answer of Microsoft Graph".replace(" ,", ","))
    if status in (401, 403):
        needed = f" The application needs the permission {permission}." if permission else ""
        missing = {"missing_permission": permission} if permission else {}
        return GraphRefused(FORBIDDEN, f"Microsoft Graph refused {url}: {code}.{needed}", status, code, missing)
    if status == 404:
        return GraphRefused(NOT_FOUND, f"{url} does not exist in Microsoft Graph.", status, code)
    if 300 <= status < 400:
        return GraphRefused(REDIRECTED, f"{url} returned a redirect, which is not followed.", status, code)
    return GraphRefused(REJECTED, f"Microsoft Graph rejected {url}: {code} {text}".rstrip(), status, code)


def token_refusal_in(body: object) -> CannotTell | TaskFault | None:
    """The exception for a response of the token service; None if its body is no OAuth error."""
    if not isinstance(body, dict) or "error" not in body:
        return None
    listed = body.get("error_codes")
    codes = [code for code in listed if type(code) is int and code > 0] if isinstance(listed, list) else []
    return token_refusal(str(body["error"] or ""), str(body.get("error_description") or ""), codes)


def token_refusal(error: str, description: str, codes: Sequence[int] = ()) -> CannotTell | TaskFault:
    """The exception for an OAuth error. ``codes`` are its AADSTS numbers; without any, the description names one."""
    numbers = codes or aadsts_numbers(description)
    number = next((code for code in numbers if code in _AADSTS), next(iter(numbers), None))
    known = None if number is None else _AADSTS.get(number)
    if known is None and error in _TRANSIENT_OAUTH_ERRORS:
        return TaskFault(UNAVAILABLE, f"The token service is unavailable: {error[:MAX_TEXT]}.", retryable=True)
    reason, meaning = known or (SIGN_IN_REFUSED, f"The token service refused the application: {error[:MAX_TEXT]}.")
    message = meaning if number is None else f"{meaning} (AADSTS{number})"
    if reason == _UNREGISTERED:
        return CredentialPending(reason, message, retryable=True)
    return SignInRefused(reason, message, "" if number is None else str(number), error)


def aadsts_numbers(description: str) -> list[int]:
    """The number in ``AADSTS65001: …``, or none."""
    match = re.search(r"AADSTS(\d{4,8})\b", description)
    return [int(match.group(1))] if match else []


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
