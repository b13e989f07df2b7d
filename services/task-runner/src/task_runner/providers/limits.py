"""Microsoft's limits of single services of Graph: https://learn.microsoft.com/graph/throttling-limits."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl


class Service(StrEnum):
    """A part of Microsoft Graph that throttles for itself."""

    DIRECTORY = "directory"
    CONDITIONAL_ACCESS = "conditional access"
    REPORTS = "reports"


class Cost(NamedTuple):
    """The cost of a request: the number of requests that it counts for, and the directory's resource units."""

    requests: int = 1
    units: int = 1


LIMITS: Mapping[Service, tuple[float, float]] = MappingProxyType(
    {Service.DIRECTORY: (175.0, 1750.0), Service.CONDITIONAL_ACCESS: (1.0, 1.0), Service.REPORTS: (0.5, 5.0)}
)
"""A second and at once, for a tenant. Directory: 3,500 resource units in 10 seconds for an application in a tenant of
less than 50 users, and more in larger ones. Conditional Access: 1 request a second of all applications together.
Reports: 5 requests in 10 seconds."""

_PATHS = (
    ("/identity/conditionalAccess", Service.CONDITIONAL_ACCESS),
    ("/identityProtection", Service.CONDITIONAL_ACCESS),
    ("/reports/", Service.REPORTS),
    ("/auditLogs/", Service.REPORTS),
)

_UNITS = {
    "transitiveMembers": 5,
    "members": 3,
    "subscribedSkus": 3,
    "transitiveMemberOf": 2,
    "memberOf": 2,
    "oauth2PermissionGrants": 2,
    "appRoleAssignments": 2,
    "applications": 2,
    "users": 2,
}
"""Resource units by the last segment of the path; every other request costs 1."""
_FEW = 20
"""A ``$top`` below this number costs one unit less."""


def service_of(url: str) -> Service:
    """The service that answers a request."""
    path = url.partition("?")[0]
    return next((service for part, service in _PATHS if part in path), Service.DIRECTORY)


def cost_of(urls: Iterable[str]) -> Cost:
    """The cost of these requests, sent one by one or as a batch."""
    units = [_units(url) for url in urls]
    return Cost(requests=len(units), units=sum(units))


def _units(url: str) -> int:
    path, _, query = url.partition("?")
    segments = [segment for segment in path.split("/") if not segment.startswith("microsoft.graph.")]
    options = dict(parse_qsl(query))
    top = options.get("$top", "")
    less = ("$select" in options) + (top.isdecimal() and int(top) < _FEW)
    return max(1, _UNITS.get(segments[-1], 1) + ("$expand" in options) - less)
