"""Safety of docker-compose.yml and the Dockerfile: confinement, limits, no secrets, two published ports."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from onboarding_devstack import system
from tests.support import compose_file
from tests.support.compose_file import ROOT, compose, environment, one_shots, started_by_default

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("onboarding/")}
NOT_A_SECRET = {
    "ONBOARDING_DEMO_CLIENT_SECRET",
    "ONBOARDING_RUN_SECRETS",
    "ONBOARDING_COMMAND_SECRETS",
    "KAFKA_SASL_PASSWORD",
}
"""A secret of the demo, and three that the file names by their paths, as `…_FILE`."""
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
HOW_TO = ROOT / "docs/how-to/run-with-docker-compose.md"

every_container = pytest.mark.parametrize("name", SERVICES)


def test_the_api_and_the_emulators_pages_are_published_locally() -> None:
    published = {name: service["ports"] for name, service in started_by_default().items() if "ports" in service}
    assert published == {"session-api": ["127.0.0.1:8000:8000"], "graph": ["127.0.0.1:8001:8000"]}


def test_tools_are_published_to_this_machine_only() -> None:
    ports = [port for name, service in SERVICES.items() if "profiles" in service for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def reached_by(network: str) -> set[str]:
    return {name for name, service in SERVICES.items() if network in service.get("networks", ["default"])}


def test_the_engines_are_reached_by_those_who_need_them() -> None:
    services = {name for service in system.SERVICES for name in (service, f"{service}-migrate")}
    assert reached_by("databases") == services | {"postgres", "adminer"}
    assert reached_by("messages") == services | {"kafka", "kafka-ui"}
    networks = compose()["networks"]
    assert {name: networks[name] for name in ("databases", "messages")} == {
        "databases": {"internal": True},
        "messages": {"internal": True},
    }
    assert not {"postgres", "kafka"} & reached_by("default")


@pytest.mark.parametrize("name", system.SERVICES)
def test_health_and_metrics_have_a_port_that_is_not_published(name: str) -> None:
    port = environment(SERVICES[name])["ONBOARDING_HEALTH_PORT"]
    assert port == "9000"
    assert [entry for entry in SERVICES[name].get("ports", []) if entry.endswith(f":{port}")] == []


@every_container
def test_no_container_may_gain_privileges(name: str) -> None:
    container = SERVICES[name]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "ipc", "env_file"} & container.keys()
    assert container.get("network_mode", "none") == ("service:kafka" if name == "kafka-access" else "none")
    assert container.get("user", "postgres") == "postgres"


@pytest.mark.parametrize("name", sorted(OURS))
def test_no_process_of_ours_can_write_to_its_image(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert [mount.split(":")[0] for mount in SERVICES[name]["tmpfs"]] == ["/tmp"]


def test_every_image_is_rebuilt_by_exactly_one_service() -> None:
    """Otherwise `up` runs what was built before a change; and two would label, so make, different images."""
    builders = [service["image"] for service in SERVICES.values() if "build" in service]
    assert sorted(builders) == sorted({SERVICES[name]["image"] for name in OURS})
    policies = {name: SERVICES[name]["pull_policy"] for name in OURS}
    assert policies == {name: "build" if "build" in SERVICES[name] else "never" for name in OURS}


@pytest.mark.parametrize("name", ["token", "bind"])
def test_what_an_operator_runs_builds_and_starts_nothing(name: str) -> None:
    assert not {"build", "depends_on"} & SERVICES[name].keys()


def test_no_setting_switches_tenant_bindings_off() -> None:
    (credential,) = json.loads(environment(SERVICES["task-runner"])["ONBOARDING_CREDENTIALS"]).values()
    assert "bound" not in credential
    assert (
        not {"ONBOARDING_CREDENTIAL_PREFIX", "ONBOARDING_CREDENTIAL_DIRECTORY"}
        & environment(SERVICES["task-runner"]).keys()
    )


@every_container
def test_every_container_has_limits_and_its_logs_too(name: str) -> None:
    container = SERVICES[name]
    limits = container["deploy"]["resources"]["limits"]
    assert limits.keys() == {"memory", "cpus", "pids"}
    # Docker refuses more processors than the machine has.
    assert float(limits["cpus"]) <= 1.0
    assert container["logging"]["options"].keys() == {"max-size", "max-file"}


def test_the_heap_of_kafka_leaves_room_below_its_limit() -> None:
    kafka = SERVICES["kafka"]
    (heap,) = re.findall(r"-Xmx(\d+)m", kafka["environment"]["KAFKA_HEAP_OPTS"])
    assert kafka["deploy"]["resources"]["limits"]["memory"] == "1g"
    assert int(heap) <= 512


@every_container
def test_what_runs_on_comes_back_and_what_ends_does_not(name: str) -> None:
    assert SERVICES[name]["restart"] == ("no" if name in one_shots() else "unless-stopped")


def test_every_one_shot_service_is_a_condition_of_another_service() -> None:
    """`docker compose up --wait` takes the end of any other for a failure."""
    waited = {
        dependency
        for service in started_by_default().values()
        if service["restart"] != "no"
        for dependency, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert waited == one_shots() & started_by_default().keys()


@pytest.mark.parametrize("name", sorted(one_shots()))
def test_no_one_shot_is_asked_for_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"] == {"disable": True}


@every_container
def test_no_password_or_key_is_in_the_file(name: str) -> None:
    secret = re.compile("PASSWORD|SECRET|TOKEN|KEY")
    assert {variable for variable in environment(SERVICES[name]) if secret.search(variable)} <= NOT_A_SECRET


def test_only_kafka_gets_variables_that_its_image_reads_as_properties() -> None:
    login = {"KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}
    clients = {"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_ENABLE_IDEMPOTENCE", *login}
    for name in OURS:
        assert {variable for variable in environment(SERVICES[name]) if variable.startswith("KAFKA_")} <= clients
    assert {variable for variable in environment(SERVICES["kafka"]) if not variable.startswith("KAFKA_")} == set()
    assert clients & environment(SERVICES["kafka"]).keys() == set()


def test_postgresql_health_is_checked_over_tcp() -> None:
    test = SERVICES["postgres"]["healthcheck"]["test"]
    assert test[:1] == ["CMD"]
    assert test[test.index("-h") + 1] == "127.0.0.1"


def test_every_variable_that_the_file_takes_is_explained() -> None:
    explained = set(re.findall(r"`([A-Z][A-Z_]+)`", HOW_TO.read_text(encoding="utf-8")))
    assert compose_file.variables() <= explained


def test_the_image_runs_as_a_numeric_user_in_exec_form() -> None:
    final = DOCKERFILE.split("\nFROM ")
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)[-1] == "10001:10001"
    assert final[-1].splitlines()[0] == "runtime AS service"
    assert re.findall(r"^(?:ENTRYPOINT|CMD) (.+)$", final[-1], re.MULTILINE) == ['["service"]', '["serve"]']
    (check,) = re.findall(r"^HEALTHCHECK .*\bCMD (.+)$", DOCKERFILE, re.MULTILINE)
    assert check == '["/opt/onboarding/bin/python", "-I", "-S", "/opt/healthy.py"]'


@pytest.mark.parametrize("label", ["title", "source", "revision", "version", "licenses"])
def test_the_images_are_labelled_with_their_source(label: str) -> None:
    assert f"org.opencontainers.image.{label}=" in DOCKERFILE


def test_uv_is_the_one_that_the_makefile_installs() -> None:
    (ours,) = re.findall(r"^ARG UV_VERSION=(\S+)$", DOCKERFILE, re.MULTILINE)
    (makes,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert ours == makes


@contextmanager
def service(code: int) -> Iterator[int]:
    """A service that answers ``code`` when it is asked whether it is ready; yields its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code if self.path == "/health/ready" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def health(port: int, health_port: int | None = None) -> int:
    line = [sys.executable, "-I", "-S", str(ROOT / "deploy/healthy.py")]
    bare = {**os.environ, "ONBOARDING_PORT": str(port)}
    if health_port is not None:
        bare["ONBOARDING_HEALTH_PORT"] = str(health_port)
    return subprocess.run(line, env=bare, capture_output=True, check=False, timeout=30).returncode


@pytest.mark.parametrize(("code", "healthy"), [(200, True), (503, False), (404, False)])
def test_a_container_is_healthy_when_its_service_is_ready(code: int, healthy: bool) -> None:
    with service(code) as port:
        assert (health(port) == 0) == healthy


def test_a_container_is_asked_at_its_health_port() -> None:
    with service(404) as port, service(200) as health_port:
        assert health(port, health_port) == 0


def test_a_container_is_not_healthy_when_nobody_answers() -> None:
    with service(200) as port:
        pass
    assert health(port) != 0
