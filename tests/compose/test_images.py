"""The content of the images of the services."""

import json

import pytest

from tests.support.composed import Composed, run

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

SERVICES = ("session-api", "task-runner", "evidence-store")
OWN_BYTES = 220 * 1024 * 1024
"""The modules that an image may add to Python's."""
DISTRIBUTIONS = """
import importlib.metadata, json
print(json.dumps(sorted(each.metadata["Name"].lower() for each in importlib.metadata.distributions())))
"""
MODULES = """
import importlib.util, json
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
names = ("onboarding_devstack", "microsoft_emulator", "pytest", "pip", "uv", "psutil", "onboarding_shared")
print(json.dumps([name for name in names if there(name)]))
"""
UNCOMPILED = """
import importlib.util, json, pathlib, sysconfig
files = pathlib.Path(sysconfig.get_path("purelib")).rglob("*.py")
print(json.dumps([str(f) for f in files if not pathlib.Path(importlib.util.cache_from_source(str(f))).exists()]))
"""

each_service = pytest.mark.parametrize("name", SERVICES)


def confined(image: str, *command: str) -> str:
    """Run something in an image without rights, network, or a place to write to."""
    rights = ["--read-only", "--user=10001", "--cap-drop=ALL", "--network=none", "--security-opt=no-new-privileges"]
    return run("docker", "run", "--rm", *rights, *command[:1], image, *command[1:])


def python(image: str, script: str) -> list[str]:
    return list(json.loads(confined(image, "--entrypoint=python", "-c", script)))


@each_service
def test_a_service_starts_without_rights_or_writable_folders(system: Composed, name: str) -> None:
    assert confined(system.image(name), "--tty=false", "--version").strip() == "0.1.0"


@each_service
def test_no_development_part_is_in_it(system: Composed, name: str) -> None:
    image = system.image(name)
    ours = [distribution for distribution in python(image, DISTRIBUTIONS) if distribution.startswith("onboarding-")]
    assert ours == sorted(["onboarding-shared", f"onboarding-{name}"])
    assert python(image, MODULES) == ["onboarding_shared"]
    assert confined(image, "--entrypoint=sh", "-c", "command -v onboarding pytest uv || true") == ""


@each_service
def test_everything_is_compiled_so_that_a_start_need_not(system: Composed, name: str) -> None:
    assert [
        file for file in python(system.image(name), UNCOMPILED) if "/site-packages/onboarding_shared/" in file
    ] == []


@each_service
def test_it_tells_what_it_is(system: Composed, name: str) -> None:
    (shown,) = json.loads(run("docker", "image", "inspect", system.image(name)))
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in shown["Config"]["Labels"].items()}
    assert (labels["title"], labels["version"]) == (f"onboarding-{name}", system.version)
    assert (labels["licenses"], labels["revision"]) == ("Apache-2.0", "unknown")
    assert shown["Config"]["User"] == "10001:10001"


@each_service
def test_it_is_small(system: Composed, name: str) -> None:
    layers = run("docker", "history", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", system.image(name))
    own = sum(int(line.split("\t")[0]) for line in layers.splitlines() if "/opt/" in line.split("\t")[1])
    print(f"\n{name}: {own / 2**20:.0f} MiB beside Python's image")
    assert 0 < own < OWN_BYTES


@each_service
def test_a_missing_setting_is_named_with_its_own_exit_code(system: Composed, name: str) -> None:
    with pytest.raises(AssertionError, match=r"ended with 2 .*\n(.*\n)*.*DATABASE_URL is not set"):
        run("docker", "run", "--rm", system.image(name))
