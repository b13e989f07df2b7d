"""Typed clients of TypeScript and Python: generated in an empty environment, checked strictly, and used once."""

import shutil
from pathlib import Path

import pytest

from tests.clients.conftest import Run
from tests.support.system import System

pytestmark = [pytest.mark.system, pytest.mark.network, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
TYPESCRIPT = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3")
STRICT = (
    "--strict", "--noUncheckedIndexedAccess", "--noEmitOnError", "--target", "es2022", "--module", "nodenext",
    "--lib", "es2022,dom",
)  # fmt: skip
PYTHON = "openapi-python-client==0.29.1"
CHECKER = "pyrefly==1.4.1"
TASKS = "14"
"""Number of tasks that a new tenant has not been checked for: all."""
CONFIGURATION = "project_name_override: onboarding-client\npackage_name_override: onboarding_client\n"


def smoke(system: System) -> tuple[str, str, str]:
    """Address, token and tenant for one call."""
    tenant = system.new_tenant()
    return system.journal["session_api"], system.token(tenants=[tenant]), str(tenant)


def test_a_typescript_client_is_strictly_typed_and_works(folder: Path, run: Run, npm: str, system: System) -> None:
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    shutil.copy(HERE / "smoke.ts", folder)
    run(npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *TYPESCRIPT)
    run("npx", "--no-install", "openapi-typescript", "openapi.json", "--output", "api.d.ts")
    run("npx", "--no-install", "tsc", *STRICT, "smoke.ts")

    assert run("node", "smoke.js", *smoke(system)).split() == ["draft", "0", TASKS]


def test_a_python_client_is_typed_and_works(folder: Path, run: Run, uv: str, system: System) -> None:
    (folder / "generator.yml").write_text(CONFIGURATION, encoding="utf-8")
    shutil.copy(HERE / "smoke.py", folder)
    generator = (uv, "tool", "run", "--from", PYTHON, "openapi-python-client", "generate")
    told = run(
        *generator, "--path", "openapi.json", "--config", "generator.yml", "--output-path", "made", "--meta", "uv"
    )
    assert "warning" not in told.lower(), told
    python = folder / "venv" / "bin" / "python"
    run(uv, "venv", "--quiet", "venv")
    run(uv, "pip", "install", "--quiet", "--python", python, "./made", CHECKER)
    run(python.parent / "pyrefly", "check", "--python-interpreter-path", python, "smoke.py", "made/onboarding_client")

    assert run(python, "smoke.py", *smoke(system)).split() == ["draft", "0", TASKS]
