"""Reads credentials from files and variables. Blocks: call it in a thread. No text that it read is in an exception."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onboarding_shared.process.file_reads import UnreadableFile, read_regular_file
from task_runner.named_credentials import is_of_the_system

MAX_CREDENTIAL_BYTES = 64 * 1024

Read = Callable[[], str]


class UnreadableCredential(Exception):
    """The reason why a credential cannot be read, for the log of the runner."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one source. Readers of the same source are equal, so that their callers can share a read."""

    source: str
    directory: str | None
    environment: Mapping[str, str] = field(compare=False, repr=False)

    def __call__(self) -> str:
        kind, _, where = self.source.partition(":")
        return read_variable(where, self.environment) if kind == "env" else read_file(where, self.directory)


def reader_of(source: str, environment: Mapping[str, str] = os.environ, *, directory: str | None = None) -> Read:
    """A function that reads ``env:NAME`` or ``file:/path`` anew at each call; ``directory``: only files in it."""
    return _Reader(source, directory, environment)


def read_variable(name: str, environment: Mapping[str, str]) -> str:
    """The text of a variable. Raises ``UnreadableCredential``."""
    if name not in environment:
        raise UnreadableCredential(f"the environment variable {name} is not set")
    return _not_empty(environment[name])


def read_file(where: str, directory: str | None = None) -> str:
    """The text of a regular file that is not too large. Never waits for a device. Raises ``UnreadableCredential``."""
    try:
        content = _content_of(_real_path(where, directory))
    except FileNotFoundError:
        content = _again(where, directory)
    except (OSError, ValueError, RuntimeError) as error:
        raise UnreadableCredential(f"{where}: {_why(error)}") from None
    try:
        return _not_empty(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise UnreadableCredential(f"{where} is not UTF-8 text") from None


def _again(where: str, directory: str | None) -> bytes:
    """The content at the second try: Kubernetes removes the file behind a link when it replaces it."""
    try:
        return _content_of(_real_path(where, directory))
    except (OSError, ValueError, RuntimeError) as error:
        raise UnreadableCredential(f"{where}: {_why(error)}") from None


def _real_path(where: str, directory: str | None) -> Path:
    real = Path(where).resolve(strict=True)
    if is_of_the_system(real):
        raise UnreadableCredential(f"{where} is in a folder of the operating system")
    if directory is not None and not real.is_relative_to(Path(directory).resolve()):
        raise UnreadableCredential(f"{where} is outside {directory}")
    return real


def _content_of(real: Path) -> bytes:
    try:
        return read_regular_file(real, MAX_CREDENTIAL_BYTES)
    except UnreadableFile as error:
        raise UnreadableCredential(f"{real} {error}") from None


def _not_empty(text: str) -> str:
    if not (stripped := text.strip()):
        raise UnreadableCredential("it is empty")
    return stripped


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
