"""A Keycloak on the JVM: its distribution is fetched from a Maven repository once, checked, unpacked and started."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import platformdirs

from onboarding_devstack.engines.java import find_java
from onboarding_devstack.engines.kafka_jars import MAVEN_CENTRAL, MAVEN_VARIABLE
from tests.keycloak.realm import REALM, realm
from tests.support.free_ports import free_port

VERSION = "26.4.7"
NAME = f"keycloak-quarkus-dist-{VERSION}"
SHA256 = "dd9834c023460be856f731423d86228c23b5d002194a2064642bec0cc6573eaa"
START_SECONDS = 300.0


def distribution() -> Path:
    """The archive, from the cache or from the repository. Raises ``RuntimeError`` where it is another file."""
    archive = platformdirs.user_cache_path("onboarding", appauthor=False) / f"keycloak-{VERSION}" / f"{NAME}.zip"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        repository = (os.environ.get(MAVEN_VARIABLE) or MAVEN_CENTRAL).rstrip("/")
        draft = archive.with_suffix(f".{os.getpid()}")
        url = f"{repository}/org/keycloak/keycloak-quarkus-dist/{VERSION}/{NAME}.zip"
        with httpx2.stream("GET", url, follow_redirects=True, timeout=60.0) as answer, draft.open("wb") as file:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                file.write(chunk)
        draft.replace(archive)
    with archive.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != SHA256:
        raise RuntimeError(f"{archive} is not the distribution of Keycloak {VERSION}: its SHA-256 is {actual}")
    return archive


@contextmanager
def keycloak(folder: Path) -> Iterator[str]:
    """A running Keycloak with the realm; the value is the realm's address, which is its issuer."""
    with zipfile.ZipFile(distribution()) as archive:
        archive.extractall(folder)
    home = folder / f"keycloak-{VERSION}"
    (home / "data/import").mkdir(parents=True)
    (home / "data/import/realm.json").write_text(json.dumps(realm()), encoding="utf-8")
    port = free_port()
    command = [shutil.which("bash") or "bash", str(home / "bin/kc.sh"), "start-dev", "--import-realm"]
    command += ["--http-host=127.0.0.1", f"--http-port={port}", "--cache=local"]
    environment = os.environ | {"JAVA": find_java().program, "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"}
    log = folder / "keycloak.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    issuer = f"http://127.0.0.1:{port}/realms/{REALM}"
    try:
        _wait(process, f"{issuer}/.well-known/openid-configuration", log)
        yield issuer
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"Keycloak ended: {log.read_text(encoding='utf-8')[-4000:]}")
        try:
            if httpx2.get(url, trust_env=False, timeout=5.0).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"Keycloak was not ready within {START_SECONDS:g} s: {log.read_text(encoding='utf-8')[-4000:]}")
