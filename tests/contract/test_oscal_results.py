"""The OSCAL form of a report is valid by NIST's metaschema.

NIST's JSON Schema is in no package registry. The package ``oscal`` carries the metaschema, from which NIST makes that
schema, and checks structure, data types, allowed values, cardinality and choices. It has an environment of its own.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from session_api.routes.report_bodies import SessionReport
from session_api.routes.report_example import REPORT
from session_api.routes.report_oscal import report_oscal

pytestmark = [pytest.mark.network, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
VALIDATOR = "oscal==3.2.2"
SCRIPT = """
import json, sys
from oscal import OSCAL
for document in json.load(sys.stdin):
    content = OSCAL.loads(json.dumps(document))
    print(json.dumps({"valid": bool(content.is_valid), "version": content.oscal_version, "model": content.model}))
"""


def validated(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer of the validator for each document."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".uv" / "bin"))
    if uv is None:
        pytest.skip("uv is neither on PATH nor in .uv/bin")
    outside = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    command = [uv, "run", "--quiet", "--no-project", "--isolated", "--with", VALIDATOR, "python", "-c", SCRIPT]
    ended = subprocess.run(
        command, input=json.dumps(documents), cwd="/", env=outside, capture_output=True, text=True, timeout=280
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def document(**more: Any) -> dict[str, Any]:
    made = report_oscal(msgspec.convert({**REPORT, **more}, SessionReport))
    return dict(msgspec.json.decode(msgspec.json.encode(made)))


def test_reports_are_valid_assessment_results() -> None:
    finding = REPORT["findings"][0]
    each_status = [{**finding, "status": status, "evidence_id": 205 + place} for place, status in enumerate(STATUSES)]
    spoiled = document()
    spoiled["assessment-results"]["results"][0]["findings"][0]["target"]["status"]["state"] = "unknown"
    unfounded = document()
    del unfounded["assessment-results"]["import-ap"]

    answers = validated(
        document(), document(findings=each_status), document(findings=[], not_checked=[]), spoiled, unfounded
    )

    assert [(answer["model"], answer["version"]) for answer in answers] == [("assessment-results", "v1.1.3")] * 5
    assert [answer["valid"] for answer in answers] == [True, True, True, False, False]


STATUSES = ("ok", "warn", "fail", "unknown")
