"""Turns a credential reference into the secret. The only place that reads secrets; none is ever logged or kept."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from task_runner.providers.settings import ProviderSettings
from task_runner.tasks.result import TaskFault

MISSING = "CREDENTIAL_MISSING"
MAX_SECRET_BYTES = 64 * 1024

_OUR_OWN = ("DATABASE_URL", "KAFKA_", "ONBOARDING_JWKS", "OTEL_")


def resolve_credential(reference: str, settings: ProviderSettings, environment: Mapping[str, str] = os.environ) -> str:
    """The secret that ``env:NAME`` or ``file:PATH`` refers to.

    Raises ``TaskFault`` ``CREDENTIAL_MISSING``, naming the reference, when there is no such secret, or when the
    settings do not allow it. The service's own variables are never handed out.
    """
    kind, _, where = reference.partition(":")
    if kind == "env" and where:
        secret = _from_environment(where, settings, environment)
    elif kind == "file" and where:
        secret = _from_file(where, settings)
    else:
        raise TaskFault(MISSING, f"The credential reference {reference!r} is neither env:NAME nor file:PATH.")
    if not secret:
        raise TaskFault(MISSING, f"The credential {reference!r} is empty.")
    return secret


def _from_environment(name: str, settings: ProviderSettings, environment: Mapping[str, str]) -> str:
    if name.startswith(_OUR_OWN) or not name.startswith(settings.credential_prefix):
        raise TaskFault(MISSING, f"The environment variable {name!r} may not be used as a credential.")
    if name not in environment:
        raise TaskFault(MISSING, f"The environment variable {name!r} is not set in the task runner.")
    return environment[name].strip()


def _from_file(where: str, settings: ProviderSettings) -> str:
    path = Path(where)
    try:
        real = path.resolve(strict=True)
        if settings.credential_directory and not real.is_relative_to(Path(settings.credential_directory).resolve()):
            raise TaskFault(MISSING, f"The credential file {where!r} is outside {settings.credential_directory!r}.")
        with real.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TaskFault(MISSING, f"The credential file {where!r} is not a regular file.")
            content = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise TaskFault(MISSING, f"The credential file {where!r} cannot be read: {_why(error)}.") from None
    if len(content) > MAX_SECRET_BYTES:
        raise TaskFault(MISSING, f"The credential file {where!r} is larger than {MAX_SECRET_BYTES} bytes.")
    try:
        return content.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise TaskFault(MISSING, f"The credential file {where!r} is not UTF-8 text.") from None


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
