"""The hosts of Microsoft's clouds.

Source: https://learn.microsoft.com/graph/deployments (Microsoft Graph national cloud deployments). ``us_gov`` is
US Government L4 (GCC High), ``us_dod`` US Government L5 (DoD), ``china`` the cloud operated by 21Vianet.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from task_runner.providers.settings import ProviderSettings
from task_runner.tasks.result import TaskFault


class CloudHosts(msgspec.Struct, frozen=True):
    """The hosts of Microsoft Graph and the token service of one cloud."""

    graph_url: str
    login_url: str


CLOUDS: Final[Mapping[str, CloudHosts]] = MappingProxyType(
    {
        "public": CloudHosts("https://graph.microsoft.com", "https://login.microsoftonline.com"),
        "us_gov": CloudHosts("https://graph.microsoft.us", "https://login.microsoftonline.us"),
        "us_dod": CloudHosts("https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
        "china": CloudHosts("https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
    }
)


def cloud_of(name: str, settings: ProviderSettings) -> CloudHosts:
    """Return the hosts of a cloud, or those in the settings. Raise ``TaskFault`` if there is no cloud of this name."""
    cloud = CLOUDS.get(name)
    if cloud is None:
        message = f"The provider connection has the unknown cloud {name!r}; supported are {', '.join(CLOUDS)}."
        raise TaskFault("CLOUD_UNKNOWN", message)
    return CloudHosts(
        (settings.graph_url or cloud.graph_url).rstrip("/"), (settings.login_url or cloud.login_url).rstrip("/")
    )
