"""The customers of a fleet: their tenants at Microsoft, and how the emulator lets them answer."""

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

CHECKS = (
    "gdap.relationship",
    "gdap.roles",
    "gdap.group_mapping",
    "app.consent",
    "graph.connectivity",
    "license.inventory",
    "identity.baseline",
    "identity.admin_mfa",
    "identity.global_admins",
    "identity.legacy_auth",
    "identity.emergency_access",
    "identity.user_consent",
)
SICK: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("throttling", {"retry_after": 2.0}),
    ("slow", {"delay_seconds": 3600.0}),
    ("slow", {"delay_seconds": 10.0}),
)
"""One that throttles without end, one that never answers, and one that answers very late."""


class Latency(NamedTuple):
    """The time that Microsoft takes to answer, and by how much it differs, in milliseconds."""

    milliseconds: int
    jitter: int

    def control(self) -> dict[str, Any]:
        """The options of a tenant: latency, pages and limits as at Microsoft."""
        return {
            "latency_ms": self.milliseconds,
            "latency_jitter_ms": self.jitter,
            "page_size": 100,
            "conditional_access_rate": 1.0,
        }


def external_tenant(tenant: int) -> str:
    """The customer's tenant at Microsoft."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"tenant-{tenant}.fleet.test"))
