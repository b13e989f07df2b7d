"""Limits of single services of Microsoft Graph, as its documentation names them."""

import time

from litestar import Response

from microsoft_emulator.behaviour import Control
from microsoft_emulator.replies import graph_error

CONDITIONAL_ACCESS = ("/identity/conditionalAccess", "/identityProtection")
"""The paths that one request a second and tenant, of all applications together, may use."""


class Throttle:
    """The requests of a tenant to Conditional Access: one at a time of the rate, without a burst."""

    def __init__(self) -> None:
        self._next = 0.0

    def refuse(self, path: str, control: Control) -> Response[dict[str, object]] | None:
        """The refusal of a request that comes too early; None = it is answered. Refused requests do not count."""
        rate = control.conditional_access_rate
        if rate is None or not path.startswith(CONDITIONAL_ACCESS):
            return None
        now = time.monotonic()
        if now < self._next:
            return graph_error(429, "TooManyRequests", "Too many requests. Please wait and try again.")
        self._next = now + 1 / rate
        return None
