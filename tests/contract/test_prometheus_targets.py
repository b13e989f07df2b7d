"""deploy/observability/prometheus.yml asks each service of docker-compose.yml at the port that has its metrics."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SCRAPED = yaml.safe_load((ROOT / "deploy/observability/prometheus.yml").read_text())["scrape_configs"]


def test_prometheus_asks_each_service_at_its_metrics_port() -> None:
    targets = [target for job in SCRAPED for config in job["static_configs"] for target in config["targets"]]
    ports = {
        name: SERVICES[name]["environment"].get("ONBOARDING_HEALTH_PORT", 8000)
        for name in ("session-api", "task-runner", "evidence-store")
    }
    assert sorted(targets) == sorted(f"{name}:{port}" for name, port in ports.items())
