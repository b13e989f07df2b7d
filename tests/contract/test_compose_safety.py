"""What docker-compose.yml and the Dockerfile promise besides: confinement, limits, no secrets, one door."""

import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support import compose_file
from tests.support.compose_file import ROOT, compose, environment, one_shots, started_by_default

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = {name for name, each in SERVICES.items() if each["image"].startswith("onboarding/")}
NOT_A_SECRET = {"ONBOARDING_DEMO_CLIENT_SECRET"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
HOW_TO = ROOT / "docs/how-to/run-with-docker-compose.md"

every_container = pytest.mark.parametrize("name", SERVICES)


def test_the_only_published_port_is_the_apis_and_only_to_this_machine() -> None:
    published = {name: each["ports"] for name, each in started_by_default().items() if "ports" in each}
    assert published == {"session-api": ["127.0.0.1:8000:8000"]}


def test_tools_are_published_to_this_machine_only() -> None:
    ports = [port for name, each in SERVICES.items() if "profiles" in each for port in each.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@every_container
def test_no_container_may_gain_privileges(name: str) -> None:
    container = SERVICES[name]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "ipc", "env_file"} & container.keys()
    assert container.get("network_mode", "none") == "none"
    assert container.get("user", "postgres") == "postgres"


@pytest.mark.parametrize("name", sorted(OURS))
def test_no_process_of_ours_can_write_to_its_image(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert [mount.split(":")[0] for mount in SERVICES[name]["tmpfs"]] == ["/tmp"]


def test_every_image_is_built_at_each_up_and_by_one_service_only() -> None:
    """Otherwise `up` runs what was built before a change; and two would label, so make, different images."""
    builders = [each["image"] for each in SERVICES.values() if "build" in each]
    assert sorted(builders) == sorted({SERVICES[name]["image"] for name in OURS})
    policies = {name: SERVICES[name]["pull_policy"] for name in OURS}
    assert policies == {name: "build" if "build" in SERVICES[name] else "never" for name in OURS}


def test_nothing_is_built_or_started_where_only_a_token_may_be_printed() -> None:
    assert not {"build", "depends_on"} & SERVICES["token"].keys()


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


def test_every_one_shot_is_waited_for_by_something_that_runs_on() -> None:
    """`docker compose up --wait` takes the end of any other for a failure."""
    waited = {
        dependency
        for each in started_by_default().values()
        if each["restart"] != "no"
        for dependency, how in each.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert waited == one_shots() & started_by_default().keys()


@pytest.mark.parametrize("name", sorted(one_shots()))
def test_no_one_shot_is_asked_for_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"] == {"disable": True}


@every_container
def test_no_password_or_key_stands_in_the_file(name: str) -> None:
    secret = re.compile("PASSWORD|SECRET|TOKEN|KEY")
    assert {each for each in environment(SERVICES[name]) if secret.search(each)} <= NOT_A_SECRET


def test_only_kafka_is_given_what_its_image_takes_for_broker_properties() -> None:
    clients = {"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_ENABLE_IDEMPOTENCE"}
    for name in OURS:
        assert {each for each in environment(SERVICES[name]) if each.startswith("KAFKA_")} <= clients
    assert {each for each in environment(SERVICES["kafka"]) if not each.startswith("KAFKA_")} == set()
    assert clients & environment(SERVICES["kafka"]).keys() == set()


def test_postgresql_is_asked_over_tcp_because_it_already_answers_on_its_socket_while_it_is_being_set_up() -> None:
    test = SERVICES["postgres"]["healthcheck"]["test"]
    assert test[:1] == ["CMD"]
    assert test[test.index("-h") + 1] == "127.0.0.1"


def test_every_variable_that_the_file_takes_is_explained() -> None:
    explained = set(re.findall(r"`([A-Z][A-Z_]+)`", HOW_TO.read_text(encoding="utf-8")))
    assert compose_file.variables() <= explained


def test_the_image_runs_as_a_user_without_a_name_and_in_exec_form() -> None:
    final = DOCKERFILE.split("\nFROM ")
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)[-1] == "10001:10001"
    assert final[-1].splitlines()[0] == "runtime AS service"
    assert re.findall(r"^(?:ENTRYPOINT|CMD) (.+)$", final[-1], re.MULTILINE) == ['["service"]', '["serve"]']
    (check,) = re.findall(r"^HEALTHCHECK .*\bCMD (.+)$", DOCKERFILE, re.MULTILINE)
    assert check == '["/opt/onboarding/bin/python", "-I", "-S", "/opt/healthy.py"]'


@pytest.mark.parametrize("label", ["title", "source", "revision", "version", "licenses"])
def test_the_images_say_where_they_are_from(label: str) -> None:
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


def health(port: int) -> int:
    line = [sys.executable, "-I", "-S", str(ROOT / "deploy/healthy.py")]
    bare = {**os.environ, "ONBOARDING_PORT": str(port)}
    return subprocess.run(line, env=bare, capture_output=True, check=False, timeout=30).returncode


@pytest.mark.parametrize(("code", "healthy"), [(200, True), (503, False), (404, False)])
def test_a_container_is_healthy_when_its_service_says_it_is_ready(code: int, healthy: bool) -> None:
    with service(code) as port:
        assert (health(port) == 0) == healthy


def test_a_container_is_not_healthy_when_nobody_answers() -> None:
    with service(200) as port:
        pass
    assert health(port) != 0
