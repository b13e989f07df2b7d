"""The report of the running system: its evidence is that of evidence-store, and a file of it is verified offline."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.system import System

pytestmark = [pytest.mark.system]


def verify(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an environment without any setting."""
    command = [sys.executable, "-m", "evidence_store", "verify", str(file), *options]
    return subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60)


async def test_a_report_is_verified_without_any_service(system: System, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    async with system.caller() as caller:
        await caller.connect("unlicensed")
        session = (await caller.post("/session")).json()["id"]
        for task_type in ("graph.connectivity", "license.inventory"):
            await caller.evidence(await caller.start(task_type))
        answer = await caller.get(f"/session/{session}/report")
        verification = (await caller.get("/evidence/verification")).json()
    report = answer.json()
    file.write_bytes(answer.content)

    assert {finding["task_type"]: finding["status"] for finding in report["findings"]} == {
        "graph.connectivity": "ok",
        "license.inventory": "fail",
    }
    assert report["chain"] == verification
    told = verify(file, "--anchor", f"2:{verification['head']}")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        "Sealed records verified: 2, at the positions 1 to 2.",
        "Anchors found in the chain: 1.",
    ]
    file.write_text(answer.text.replace('"status":"fail"', '"status":"ok"'), encoding="utf-8")
    refused = verify(file)
    assert refused.returncode == 1
    assert "status is 'ok', but 'fail' was sealed" in refused.stderr
