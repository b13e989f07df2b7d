"""Resolves credential references. Only this module reads secrets; they are neither logged nor stored."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from task_runner.providers.settings import ProviderSettings
from task_runner.tasks.result import TaskFault

MISSING = "CREDENTIAL_MISSING"
MAX_SECRET_BYTES = 64 * 1024

_RESERVED = ("DATABASE_URL", "KAFKA_", "ONBOARDING_JWKS", "OTEL_")
"""Prefixes of the service's own environment variables."""


def resolve_credential(reference: str, settings: ProviderSettings, environment: Mapping[str, str] = os.environ) -> str:
    """Return the secret of a reference ``env:NAME`` or ``file:PATH``.

    Raise ``TaskFault`` ``CREDENTIAL_MISSING`` with the reference if there is no such secret, or if the settings do not
    allow the reference. The service's own environment variables are never allowed.
    """
    kind, _, location = reference.partition(":")
    if kind == "env" and location:
        secret = _from_environment(location, settings, environment)
    elif kind == "file" and location:
        secret = _from_file(location, settings)
    else:
        raise TaskFault(MISSING, f"The credential reference {reference!r} is neither env:NAME nor file:PATH.")
    if not secret:
        raise TaskFault(MISSING, f"The credential {reference!r} is empty.")
    return secret


def _from_environment(name: str, settings: ProviderSettings, environment: Mapping[str, str]) -> str:
    if name.startswith(_RESERVED) or not name.startswith(settings.credential_prefix):
        raise TaskFault(MISSING, f"The environment variable {name!r} is not allowed as a credential.")
    if name not in environment:
        raise TaskFault(MISSING, f"The environment variable {name!r} is not set in the task runner.")
    return environment[name].strip()


def _from_file(location: str, settings: ProviderSettings) -> str:
    path = Path(location)
    try:
        real = path.resolve(strict=True)
        if settings.credential_directory and not real.is_relative_to(Path(settings.credential_directory).resolve()):
            raise TaskFault(MISSING, f"The credential file {location!r} is outside {settings.credential_directory!r}.")
        with real.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TaskFault(MISSING, f"The credential file {location!r} is not a regular file.")
            content = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise TaskFault(MISSING, f"The credential file {location!r} cannot be read: {_reason(error)}.") from None
    if len(content) > MAX_SECRET_BYTES:
        raise TaskFault(MISSING, f"The credential file {location!r} is larger than {MAX_SECRET_BYTES} bytes.")
    try:
        return content.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise TaskFault(MISSING, f"The credential file {location!r} is not UTF-8 text.") from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
