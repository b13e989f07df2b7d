"""A real Prometheus of this machine that scrapes what a test runs."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.support.dashboards import FOLDER
from tests.support.free_ports import free_port

NEEDED = pytest.mark.skipif(
    not all(map(shutil.which, ("prometheus", "promtool"))),
    reason="prometheus and promtool are not on PATH; Debian: apt install prometheus",
)


class Prometheus:
    """A running server at ``url``."""

    def __init__(self, url: str) -> None:
        self.http = httpx2.Client(base_url=url, trust_env=False, verify=False, timeout=30)

    def is_ready(self) -> bool:
        """True when it answers queries."""
        with contextlib.suppress(httpx2.TransportError):
            return self.http.get("/-/ready").status_code == 200
        return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression now; one that Prometheus refuses fails with its reason."""
        answer = self.http.post("/api/v1/query", data={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        return list(answer["data"]["result"])

    def rules(self) -> list[dict[str, Any]]:
        """The rules with the state of their latest evaluation."""
        groups = self.http.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextlib.contextmanager
def running_prometheus(folder: Path, targets: list[str]) -> Iterator[Prometheus]:
    """Prometheus with the configuration of operators, which scrapes these targets every second."""
    configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(FOLDER / name) for name in configuration["rule_files"]]
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": targets}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    port = free_port()
    options = [
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(["prometheus", *options], stdout=log, stderr=log)
        server = Prometheus(f"http://127.0.0.1:{port}")
        try:
            yield server
        finally:
            server.http.close()
            process.terminate()
            process.wait(30)
