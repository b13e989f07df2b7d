"""Installs a package of tasks, as a platform team would install its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = Path(__file__).parent / "example_task_package"
POISON = Path(__file__).parent / "poison_task_package"


def install(into: Path, package: Path = EXAMPLE) -> Path:
    """Install it into the folder ``into/site``, and into nothing else; returns that folder, which goes on the path."""
    uv = shutil.which("uv") or shutil.which(ROOT / ".uv" / "bin" / "uv")
    if uv is None:
        pytest.skip("uv is not there to install a package with")
    source = shutil.copytree(package, into / "source")
    site = into / "site"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", site, source]
    subprocess.run(command, check=True, timeout=60)
    return site
