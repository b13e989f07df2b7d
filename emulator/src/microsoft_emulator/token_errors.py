"""Errors of the token service: AADSTS number, HTTP status and OAuth error.

Sources: https://learn.microsoft.com/entra/identity-platform/reference-error-codes, and responses quoted in public
issue threads.
"""

from typing import Any

from litestar import Response

from microsoft_emulator.replies import token_error

_INVALID_CLIENT = (
    "700021", "700023", "700024", "700027", "700211", "700212", "700213",
    "700025", "7000215", "7000216", "7000218", "7000222", "7000229",
)  # fmt: skip
_STATUSES: dict[str, tuple[int, str]] = {
    **dict.fromkeys(_INVALID_CLIENT, (401, "invalid_client")),
    "700016": (400, "unauthorized_client"),
    "7000112": (400, "unauthorized_client"),
    "70021": (400, "invalid_request"),
    "50027": (400, "invalid_request"),
    "50059": (400, "invalid_request"),
    "90002": (400, "invalid_request"),
    "900023": (400, "invalid_request"),
    "900144": (400, "invalid_request"),
    "9002313": (400, "invalid_request"),
    "500011": (400, "invalid_resource"),
    "70003": (400, "unsupported_grant_type"),
    **dict.fromkeys(("28000", "28003", "70011", "1002012"), (400, "invalid_scope")),
    "650053": (400, "invalid_client"),
    "90033": (503, "temporarily_unavailable"),
}
_OTHERS = (400, "invalid_grant")


def refusal(number: str, text: str) -> Response[Any]:
    """The response of the token service with an AADSTS number."""
    status, error = _STATUSES.get(number, _OTHERS)
    return token_error(status, error, number, text)
