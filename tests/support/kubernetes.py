"""The overlays of deploy/kubernetes as Kustomize renders them, and what their network policies allow."""

import functools
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OVERLAYS = ROOT / "deploy/kubernetes/overlays"
NAMES = sorted(folder.name for folder in OVERLAYS.iterdir())
Resource = dict[str, Any]


def _renderer() -> list[str] | None:
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl") is None:
        return None
    versions = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, timeout=60).stdout
    version = json.loads(versions or "{}").get("kustomizeVersion", "v0")
    return ["kubectl", "kustomize"] if int(version.lstrip("v").split(".")[0]) >= 5 else None


RENDERER = _renderer()
NEEDED = pytest.mark.skipif(RENDERER is None, reason="neither kustomize nor a kubectl with Kustomize 5 is on PATH")


@functools.cache
def rendered(overlay: str) -> tuple[Resource, ...]:
    """Every resource of an overlay."""
    assert RENDERER is not None
    ended = subprocess.run([*RENDERER, str(OVERLAYS / overlay)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return tuple(yaml.safe_load_all(ended.stdout))


def of_kind(overlay: str, kind: str) -> dict[str, Resource]:
    """Name → resource of a kind."""
    return {resource["metadata"]["name"]: resource for resource in rendered(overlay) if resource["kind"] == kind}


def pod_of(resource: Resource) -> Resource:
    """The specification of the pods of a Deployment or Job."""
    return dict(resource["spec"]["template"]["spec"])


def environment(overlay: str, resource: Resource) -> dict[str, str]:
    """The variables of the only container of a Deployment or Job."""
    (container,) = pod_of(resource)["containers"]
    maps = of_kind(overlay, "ConfigMap")
    variables: dict[str, str] = {}
    for source in container["envFrom"]:
        variables |= maps[source["configMapRef"]["name"]]["data"]
    return variables | {variable["name"]: variable["value"] for variable in container["env"]}


@dataclass(frozen=True)
class Peer:
    """Somebody on the network: a pod with labels in a namespace, or an address."""

    namespace: str = "onboarding"
    labels: dict[str, str] = field(default_factory=dict)
    address: str | None = None
    within: tuple[str, ...] = ()
    """The networks, as policies name them, in which the address is."""


def pod(name: str, component: str = "service") -> Peer:
    """A pod of ours."""
    labels = {"name": name, "component": component, "part-of": "onboarding"}
    return Peer(labels={f"app.kubernetes.io/{key}": value for key, value in labels.items()})


def allowed(overlay: str, source: Peer, target: Peer, *ports: str | int) -> bool:
    """True if policies let ``source`` connect to a port of ``target``: its number, and its name if it has one.

    Policies concern pods of our namespace only.
    """
    policies = [policy["spec"] for policy in of_kind(overlay, "NetworkPolicy").values()]
    ways = (("Egress", "egress", "to", source, target), ("Ingress", "ingress", "from", target, source))
    return all(
        own.address is not None
        or own.namespace != "onboarding"
        or any(
            _has_port(rule, ports) and (peers not in rule or any(_matches(peer, other) for peer in rule[peers]))
            for policy in policies
            if kind in policy["policyTypes"] and _selects(policy["podSelector"], own.labels)
            for rule in policy.get(rules, ())
        )
        for kind, rules, peers, own, other in ways
    )


def _has_port(rule: Resource, ports: tuple[str | int, ...]) -> bool:
    return "ports" not in rule or any(given["port"] in ports for given in rule["ports"])


def _matches(peer: Resource, other: Peer) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return block["cidr"] in other.within and not set(block["except"]) & set(other.within)
    namespace = {"kubernetes.io/metadata.name": other.namespace}
    inside = (
        _selects(peer["namespaceSelector"], namespace)
        if "namespaceSelector" in peer
        else other.namespace == "onboarding"
    )
    return other.address is None and inside and _selects(peer.get("podSelector", {}), other.labels)


def _selects(selector: Resource, labels: dict[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items()
