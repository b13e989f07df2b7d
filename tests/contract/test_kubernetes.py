"""deploy/kubernetes: what Kustomize makes of it is valid, and what the services need to run."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest

from evidence_store.consumers import GROUP
from evidence_store.settings import EvidenceStoreSettings
from onboarding_shared.contracts.topics import OPERATION_RUNS
from onboarding_shared.process.service_settings import ServiceSettings
from onboarding_shared.process.settings import load_for, variables_of
from session_api.settings import SessionApiSettings
from task_runner.settings import TaskRunnerSettings
from tests.support.compose_file import ROOT
from tests.support.kubernetes import NAMES, NEEDED, environment, of_kind, pod_of, rendered

SETTINGS: dict[str, type[ServiceSettings]] = {
    "session-api": SessionApiSettings,
    "task-runner": TaskRunnerSettings,
    "evidence-store": EvidenceStoreSettings,
}
PAGE = (ROOT / "docs/how-to/run-on-kubernetes.md").read_text(encoding="utf-8")
VERSIONS = ("1.30", kubernetes_validate.latest_version())
"""The oldest release that has every field that is used, and the newest known one."""
SECRETS = "/run/onboarding/"
SAMPLES = {
    "database-url": "postgresql://role:password@postgres:5432/name",
    "kafka-password": "password",
    "run-secrets": "r" * 32,
    "command-secrets": "c" * 32,
    "credentials.json": "{}",
}

pytestmark = [NEEDED, pytest.mark.parametrize("overlay", NAMES)]
each_service = pytest.mark.parametrize("service", SETTINGS)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_resource_is_one_of_kubernetes(overlay: str, version: str) -> None:
    ours = [resource for resource in rendered(overlay) if not resource["apiVersion"].startswith("keda.sh/")]

    assert len(ours) > 20
    for resource in ours:
        kubernetes_validate.validate(resource, version, strict=True)


@each_service
def test_a_service_accepts_its_settings(
    overlay: str, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = environment(overlay, of_kind(overlay, "Deployment")[service])
    for name, value in given.items():
        if value.startswith(SECRETS):
            file = tmp_path / name
            file.write_text(SAMPLES[value.removeprefix(SECRETS)], encoding="utf-8")
            value = str(file)
        monkeypatch.setenv(name, value)

    settings = load_for(SETTINGS[service], SETTINGS[service])

    assert settings.kafka.security_protocol == "SASL_SSL"


@each_service
def test_a_service_gets_its_own_settings_only(overlay: str, service: str) -> None:
    given = environment(overlay, of_kind(overlay, "Deployment")[service])

    assert {name.removesuffix("_FILE") for name in given} - set(variables_of(SETTINGS[service])) == set()


@each_service
def test_a_migration_has_the_database_and_kafka_of_its_service(overlay: str, service: str) -> None:
    whole = environment(overlay, of_kind(overlay, "Deployment")[service])
    job = of_kind(overlay, "Job")[f"{service}-migrate"]
    migration = environment(overlay, job)

    assert migration.items() <= whole.items()
    assert {name for name in whole if name.startswith(("DATABASE_", "KAFKA_", "ONBOARDING_TOPIC_"))} <= set(migration)
    assert pod_of(job)["containers"][0]["args"] == ["migrate"]
    assert pod_of(job)["containers"][0]["image"] == image_of(overlay, service)


@each_service
def test_the_page_makes_every_key_of_a_secret(overlay: str, service: str) -> None:
    given = environment(overlay, of_kind(overlay, "Deployment")[service])
    used = {value.removeprefix(SECRETS) for value in given.values() if value.startswith(SECRETS)}
    (command,) = re.findall(rf"create secret generic {service} \\\n((?:.*\\\n)*.*\n)", PAGE)

    assert set(re.findall(r"--from-file=([\w.-]+)", command)) - {"graph-main.pem"} == used
    volumes = {volume["name"]: volume for volume in pod_of(of_kind(overlay, "Deployment")[service])["volumes"]}
    assert volumes["access"]["secret"]["secretName"] == service


def test_no_secret_has_a_value_here(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == {}
    for deployment in of_kind(overlay, "Deployment").values():
        names = {name for name in environment(overlay, deployment) if re.search("PASSWORD|SECRET|DATABASE_URL", name)}
        assert names
        assert all(name.endswith("_FILE") for name in names)


@each_service
def test_the_ports_are_those_of_the_settings(overlay: str, service: str) -> None:
    deployment = of_kind(overlay, "Deployment")[service]
    (container,) = pod_of(deployment)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    by_the_image = dict(re.findall(r"(ONBOARDING_\w+)=(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8")))

    assert ports.pop("health") == int(environment(overlay, deployment)["ONBOARDING_HEALTH_PORT"])
    assert ports == ({} if service == "task-runner" else {"http": int(by_the_image["ONBOARDING_PORT"])})
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "health"


@pytest.mark.parametrize("variable", ["EVIDENCE_STORE_URL", "EVIDENCE_STORE_HEALTH_URL", "TASK_RUNNER_HEALTH_URL"])
def test_session_api_finds_the_other_services(overlay: str, variable: str) -> None:
    url = urlsplit(environment(overlay, of_kind(overlay, "Deployment")["session-api"])[f"ONBOARDING_{variable}"])
    service = of_kind(overlay, "Service")[str(url.hostname)]["spec"]

    assert [port["port"] for port in service["ports"]] == [url.port]
    # A name of every pod by itself, or one address before all of them.
    assert service.get("clusterIP") == ("None" if "HEALTH" in variable else None)


def test_a_service_sends_requests_to_no_migration(overlay: str) -> None:
    for service in of_kind(overlay, "Service").values():
        selector = service["spec"]["selector"].items()
        name = service["spec"]["selector"]["app.kubernetes.io/name"]
        assert selector <= labels_of(of_kind(overlay, "Deployment")[name]).items()
        assert not selector <= labels_of(of_kind(overlay, "Job")[f"{name}-migrate"]).items()


def test_every_pod_is_confined(overlay: str) -> None:
    for owner in (*of_kind(overlay, "Deployment").values(), *of_kind(overlay, "Job").values()):
        pod = pod_of(owner)
        (container,) = pod["containers"]
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
        assert pod["serviceAccountName"] in of_kind(overlay, "ServiceAccount")
        assert "memory" in container["resources"]["limits"]


@each_service
def test_a_pod_may_stop_longer_than_it_drains(overlay: str, service: str) -> None:
    pod = pod_of(of_kind(overlay, "Deployment")[service])
    waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod["terminationGracePeriodSeconds"] > waits + 15


def test_images_and_labels_have_the_version_of_the_project(overlay: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    for service in SETTINGS:
        assert image_of(overlay, service).endswith(f"/onboarding/{service}:{version}")
    for resource in rendered(overlay):
        labels = resource["metadata"].get("labels", {})
        assert labels.get("app.kubernetes.io/version") == version, resource["metadata"]["name"]


def test_bindings_change_without_a_restart(overlay: str) -> None:
    assert json.loads(of_kind(overlay, "ConfigMap")["tenant-bindings"]["data"]["bindings.json"]) == []
    volumes = pod_of(of_kind(overlay, "Deployment")["task-runner"])["volumes"]
    assert {"name": "bindings", "configMap": {"name": "tenant-bindings"}} in volumes


def test_what_keda_scales_is_there(overlay: str) -> None:
    logins = of_kind(overlay, "TriggerAuthentication")
    scaled = of_kind(overlay, "ScaledObject")

    assert set(scaled) == ({"task-runner", "evidence-store"} if overlay == "production" else set())
    for name, resource in scaled.items():
        specification = resource["spec"]
        deployment = of_kind(overlay, "Deployment")[specification["scaleTargetRef"]["name"]]
        (trigger,) = specification["triggers"]
        partitions = int(environment(overlay, deployment)["ONBOARDING_TOPIC_PARTITIONS"])
        assert "replicas" not in deployment["spec"]
        assert specification["maxReplicaCount"] <= partitions
        assert trigger["authenticationRef"]["name"] in logins
        assert all(isinstance(value, str) for value in trigger["metadata"].values())
        if name == "evidence-store":
            assert (
                trigger["metadata"].items()
                >= {
                    "topic": OPERATION_RUNS.name,
                    "consumerGroup": GROUP,
                    "bootstrapServers": environment(overlay, deployment)["KAFKA_BOOTSTRAP_SERVERS"],
                }.items()
            )


def labels_of(owner: dict[str, Any]) -> dict[str, str]:
    """The labels of the pods of a Deployment or Job."""
    return dict(owner["spec"]["template"]["metadata"]["labels"])


def image_of(overlay: str, service: str) -> str:
    """The image of a service."""
    return str(pod_of(of_kind(overlay, "Deployment")[service])["containers"][0]["image"])
