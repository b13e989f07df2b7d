"""The clouds of Microsoft, and the settings that replace them."""

import pytest

from task_runner.providers.clouds import cloud_of
from task_runner.providers.settings import ProviderSettings
from task_runner.tasks import TaskFault


@pytest.mark.parametrize(
    ("name", "graph", "login"),
    [
        ("public", "https://graph.microsoft.com", "https://login.microsoftonline.com"),
        ("us_gov", "https://graph.microsoft.us", "https://login.microsoftonline.us"),
        ("us_dod", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
        ("china", "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_the_documented_hosts(name: str, graph: str, login: str) -> None:
    cloud = cloud_of(name, ProviderSettings())

    assert (cloud.graph_url, cloud.login_url) == (graph, login)


def test_settings_replace_the_hosts_of_every_cloud() -> None:
    settings = ProviderSettings(graph_url="http://127.0.0.1:1/", login_url="http://127.0.0.1:2")
    cloud = cloud_of("china", settings)

    assert (cloud.graph_url, cloud.login_url) == ("http://127.0.0.1:1", "http://127.0.0.1:2")


def test_an_unknown_cloud_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TaskFault, match="us_gov") as caught:
        cloud_of("mars", ProviderSettings())

    assert caught.value.reason_code == "CLOUD_UNKNOWN"
