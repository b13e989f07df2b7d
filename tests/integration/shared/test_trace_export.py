"""The cost of exporting spans: nothing where nobody exports, and no wait for a collector that hangs."""

import socket
import subprocess
import sys
import threading
import time

import pytest

from onboarding_shared.process.service_settings import TracingSettings
from onboarding_shared.telemetry import trace_export
from onboarding_shared.telemetry.trace_export import open_recorder


def test_a_service_loads_nothing_of_the_sdk_unless_it_exports() -> None:
    code = (
        "import sys, session_api.app, task_runner.app, evidence_store.app; sys.exit('opentelemetry.sdk' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_collector_that_hangs_does_not_hold_up_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_export, "CLOSE_SECONDS", 0.3)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2")
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as unanswering:
        recorder = open_recorder(
            TracingSettings(endpoint=f"http://127.0.0.1:{unanswering.getsockname()[1]}"), service="x", version="1"
        )
        recorder.start("work", "internal", None, {}, None).end()
        began = time.monotonic()
        recorder.close()
        assert time.monotonic() - began < 1.5
        for thread in set(threading.enumerate()) - before:
            thread.join(30)  # else its next attempt draws from `random` while another test looks at that
            assert not thread.is_alive()
