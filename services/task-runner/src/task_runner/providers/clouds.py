"""The hosts of the cloud that a connection names."""

from onboarding_shared.contracts.clouds import CLOUDS, CloudHosts, hosts_of
from task_runner.providers.settings import ProviderSettings
from task_runner.tasks.result import TaskFault


def cloud_of(name: str, settings: ProviderSettings) -> CloudHosts:
    """Return the hosts of a cloud, or those in the settings. Raise ``TaskFault`` if there is no cloud of this name."""
    cloud = CLOUDS.get(name)
    if cloud is None:
        raise TaskFault("CLOUD_UNKNOWN", f"The connection names the cloud {name!r}; known are {', '.join(CLOUDS)}.")
    return hosts_of(cloud, graph_url=settings.graph_url, login_url=settings.login_url)
