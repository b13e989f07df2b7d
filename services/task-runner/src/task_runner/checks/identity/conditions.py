"""The conditions of a Conditional Access policy: client apps, resources, and whatever else limits it.

Two notations of the same condition are equal: "all platforms" is no limit, like null.
Source of the values: https://learn.microsoft.com/graph/api/resources/conditionalaccessconditionset
"""

from collections.abc import Callable, Iterator

import msgspec

from task_runner.providers.fields import Fields

LEGACY_CLIENTS = frozenset({"exchangeactivesync", "other"})
"""The client types of legacy authentication (ScubaGear, MS.AAD.1.1v1)."""
CLIENTS = frozenset({"browser", "mobileappsanddesktopclients"}) | LEGACY_CLIENTS

_ALL = frozenset({"all"})
_RISKS = frozenset({"low", "medium", "high", "none"})
_JUDGED_ELSEWHERE = frozenset(
    {"users", "applications", "clientAppTypes", "clientApplications", "servicePrincipalRiskLevels", "@odata.type"}
)


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """The applications of a policy, their ids in lower case. ``everything``: all of them, except ``excluded``.

    A filter for applications stands for those that its rule selects; only the same rule selects the same ones.
    """

    everything: bool = False
    included: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        """True if it applies to no application, but for example to user actions only."""
        return not (self.everything or self.included - self.excluded)

    def covers(self, application: str | None) -> bool:
        """Return True if it applies to the application, None = all of them."""
        if application is None:
            return self.everything and not self.excluded
        return (self.everything or application in self.included) and application not in self.excluded


def resources_of(applications: Fields) -> Resources:
    """Return the resources in ``conditions.applications``. Raise ``CannotTell`` if a field is missing."""
    included = frozenset(application.lower() for application in applications.texts_or_empty("includeApplications"))
    excluded = frozenset(application.lower() for application in applications.texts_or_empty("excludeApplications"))
    chosen = applications.at_or_none("applicationFilter")
    if chosen is None:
        return Resources(everything="all" in included, included=included - {"all", "none"}, excluded=excluded)
    filtered = frozenset({f"selected by the filter {chosen.text('rule')}"})
    if chosen.text("mode") == "exclude":
        return Resources(
            everything="all" in included, included=included - {"all", "none"}, excluded=excluded | filtered
        )
    return Resources(included=(included - {"all", "none"}) | filtered, excluded=excluded)


def clients_of(conditions: Fields) -> frozenset[str]:
    """Return the client types of a policy; ``all`` is every one of ``CLIENTS``."""
    types = frozenset(client.lower() for client in conditions.texts("clientAppTypes"))
    return CLIENTS if "all" in types else types & CLIENTS


def limits_of(conditions: Fields) -> tuple[str, ...]:
    """Return the conditions that limit a policy, other than users, resources and client types; as display texts.

    A condition that this version does not know limits it. Raise ``CannotTell`` if a field is missing.
    """
    for name in ("signInRiskLevels", "userRiskLevels", "platforms", "locations", "devices"):
        conditions.is_null(name)
    return tuple(_limits(conditions))


def _limits(conditions: Fields) -> Iterator[str]:
    for name in sorted(conditions.names() - _JUDGED_ELSEWHERE):
        if conditions.is_null(name) or conditions.is_empty(name):
            continue
        no_limit = _NO_LIMIT.get(name)
        if no_limit is None or not no_limit(conditions):
            yield _location_text(conditions) if name == "locations" else f"only under the condition {name}"


def _every_risk(name: str) -> Callable[[Fields], bool]:
    return lambda conditions: frozenset(level.lower() for level in conditions.texts(name)) >= _RISKS


def _every_platform(conditions: Fields) -> bool:
    return _everything(conditions.at("platforms"), "includePlatforms", "excludePlatforms")


def _every_location(conditions: Fields) -> bool:
    return _everything(conditions.at("locations"), "includeLocations", "excludeLocations")


def _everything(condition: Fields, include: str, exclude: str) -> bool:
    included = frozenset(word.lower() for word in condition.texts_or_empty(include))
    excluded = condition.texts_or_empty(exclude)
    return not excluded and (included == _ALL or not included)


def _every_device(conditions: Fields) -> bool:
    devices = conditions.at("devices")
    return all(devices.is_null(name) or devices.is_empty(name) for name in devices.names() - {"@odata.type"})


def _every_flow(conditions: Fields) -> bool:
    flows = conditions.at("authenticationFlows")
    return (flows.text_or_none("transferMethods") or "none").lower() == "none"


def _location_text(conditions: Fields) -> str:
    excluded = conditions.at("locations").texts_or_empty("excludeLocations")
    if excluded and {word.lower() for word in conditions.at("locations").texts_or_empty("includeLocations")} == _ALL:
        return f"not from the excluded locations {', '.join(excluded)}"
    return "only under the condition locations"


_NO_LIMIT: dict[str, Callable[[Fields], bool]] = {
    "signInRiskLevels": _every_risk("signInRiskLevels"),
    "userRiskLevels": _every_risk("userRiskLevels"),
    "platforms": _every_platform,
    "locations": _every_location,
    "devices": _every_device,
    "authenticationFlows": _every_flow,
}
