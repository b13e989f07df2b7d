"""Where an embedded system keeps everything: its data folder."""

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "ONBOARDING_HOME"


def data_folder(chosen: Path | None = None) -> Path:
    """The absolute data folder: `chosen`, ONBOARDING_HOME, `.onboarding` in a checkout, or the user's own."""
    if chosen is not None:
        return chosen.expanduser().absolute()
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home).expanduser().absolute()
    if checkout := _checkout(Path.cwd()):
        return checkout / ".onboarding"
    return platformdirs.user_data_path("onboarding", appauthor=False)


def _checkout(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds this project's sources."""
    for folder in (start, *start.parents):
        if (folder / "services" / "session-api" / "pyproject.toml").is_file() and (folder / "uv.lock").is_file():
            return folder
    return None
