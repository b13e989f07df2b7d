"""The network policies of deploy/kubernetes allow what the services need, and nothing else."""

import pytest

from tests.support.kubernetes import NAMES, NEEDED, Peer, allowed, environment, of_kind, pod

SERVICES = ("session-api", "task-runner", "evidence-store")
INTERNET = Peer("", address="20.190.128.1", within=("0.0.0.0/0",))
PRIVATE = Peer("", address="10.0.0.7", within=("0.0.0.0/0", "10.0.0.0/8"))
METADATA = Peer("", address="169.254.169.254", within=("0.0.0.0/0", "169.254.0.0/16"))
"""Where a cloud gives its machines tokens."""
DNS = Peer("kube-system", {"k8s-app": "kube-dns"})
CONTROLLER = Peer("ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"})
PROMETHEUS = Peer("monitoring", {"app.kubernetes.io/name": "prometheus"})
STRANGER = Peer(labels={"app.kubernetes.io/name": "stranger"})
HTTP, HEALTH = ("http", 8000), ("health", 9000)

pytestmark = [NEEDED, pytest.mark.parametrize("overlay", NAMES)]


@pytest.mark.parametrize("component", ["service", "migration"])
@pytest.mark.parametrize("name", SERVICES)
def test_each_pod_reaches_names_and_engines(overlay: str, name: str, component: str) -> None:
    own = pod(name, component)
    servers = environment(overlay, of_kind(overlay, "Deployment")[name])["KAFKA_BOOTSTRAP_SERVERS"]

    assert allowed(overlay, own, DNS, 53)
    for port in {5432, *(int(server.rpartition(":")[2]) for server in servers.split(","))}:
        assert allowed(overlay, own, INTERNET, port)
        assert allowed(overlay, own, PRIVATE, port)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        (CONTROLLER, pod("session-api"), HTTP),
        (pod("session-api"), pod("evidence-store"), HTTP),
        (pod("session-api"), pod("evidence-store"), HEALTH),
        (pod("session-api"), pod("task-runner"), HEALTH),
        (pod("session-api"), PRIVATE, (443,)),
        (pod("evidence-store"), PRIVATE, (443,)),
        (pod("task-runner"), INTERNET, (443,)),
        *((PROMETHEUS, pod(name), HEALTH) for name in SERVICES),
    ],
)
def test_what_a_service_needs_is_allowed(overlay: str, source: Peer, target: Peer, port: tuple[str | int, ...]) -> None:
    assert allowed(overlay, source, target, *port)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        (CONTROLLER, pod("session-api"), HEALTH),
        (CONTROLLER, pod("evidence-store"), HTTP),
        (PROMETHEUS, pod("session-api"), HTTP),
        (STRANGER, pod("evidence-store"), HTTP),
        (STRANGER, INTERNET, (443,)),
        (pod("task-runner"), pod("evidence-store"), HTTP),
        (pod("task-runner"), pod("evidence-store"), HEALTH),
        (pod("task-runner"), PRIVATE, (443,)),
        (pod("task-runner"), METADATA, (443,)),
        (pod("session-api"), INTERNET, (80,)),
        (pod("session-api", "migration"), INTERNET, (443,)),
    ],
)
def test_everything_else_is_refused(overlay: str, source: Peer, target: Peer, port: tuple[str | int, ...]) -> None:
    assert not allowed(overlay, source, target, *port)
