"""The hosts of Microsoft's clouds.

Source: https://learn.microsoft.com/graph/deployments (Microsoft Graph national cloud deployments). ``us_gov`` is what
Microsoft calls US Government L4 (GCC High), ``us_dod`` L5 (DoD), ``china`` the cloud operated by 21Vianet.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec


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


def hosts_of(cloud: CloudHosts, *, graph_url: str | None, login_url: str | None) -> CloudHosts:
    """The hosts of a cloud, each replaced where the settings replace it, without a slash at the end."""
    return CloudHosts((graph_url or cloud.graph_url).rstrip("/"), (login_url or cloud.login_url).rstrip("/"))
