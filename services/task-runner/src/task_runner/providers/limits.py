"""Microsoft's limits of single services of Graph: https://learn.microsoft.com/graph/throttling-limits."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Service(StrEnum):
    """A part of Microsoft Graph that throttles for itself."""

    DIRECTORY = "directory"
    CONDITIONAL_ACCESS = "conditional access"
    REPORTS = "reports"


LIMITS: Mapping[Service, tuple[float, float]] = MappingProxyType(
    {Service.CONDITIONAL_ACCESS: (1.0, 1.0), Service.REPORTS: (0.5, 5.0)}
)
"""Requests a second and burst, for a tenant: 1 a second of all applications together; 5 in 10 seconds."""

_PATHS = (
    ("/identity/conditionalAccess", Service.CONDITIONAL_ACCESS),
    ("/identityProtection", Service.CONDITIONAL_ACCESS),
    ("/reports/", Service.REPORTS),
    ("/auditLogs/", Service.REPORTS),
)


def service_of(url: str) -> Service:
    """The service that answers a request."""
    path = url.partition("?")[0]
    return next((service for part, service in _PATHS if part in path), Service.DIRECTORY)
