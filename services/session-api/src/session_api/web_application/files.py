"""The files of the web application, read once, with their entity tags."""

import gzip
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from msgspec import Struct

ROOT = "/app"
"""The one page of the application; deep links are fragments of its address."""
PAGE = f"{ROOT}/"
TYPES: Mapping[str, str] = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}
PREACT = (b'from"preact"', b'from"./preact.js"')
"""Preact's hooks import it by its name, for which a browser would need an import map, a script inside the page."""
_COMMENTS = re.compile(rb"^[ \t]*(?://.*|/\*\*(?:[^*]|\*(?!/))*\*/)$", re.MULTILINE)
"""Comments that have their lines to themselves."""
_NAME = re.compile(r"[a-z][a-z0-9_-]*\.[a-z]+")


class StaticFile(Struct, frozen=True):
    """A file as it is served, as it is or compressed."""

    content: bytes
    compressed: bytes
    media_type: str
    etag: str


def _read(folder: Traversable, prefix: str) -> dict[str, StaticFile]:
    read: dict[str, StaticFile] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            read |= _read(entry, f"{prefix}/{entry.name}")
        elif _NAME.fullmatch(entry.name.lower()):
            content = entry.read_bytes().replace(*PREACT)
            if entry.name.endswith(".js") and prefix == ROOT:
                content = without_comments(content)
            tag = urlsafe_b64encode(sha256(content).digest()[:12]).decode()
            media_type = TYPES[entry.name.rpartition(".")[2]]
            packed = gzip.compress(content, mtime=0)
            read[f"{prefix}/{entry.name}"] = StaticFile(content, packed, media_type, f'W/"{tag}"')
    return read


def without_comments(script: bytes) -> bytes:
    """The script with empty lines in place of comments, so that each statement keeps the number of its line."""
    return _COMMENTS.sub(_empty_lines, script)


def _empty_lines(comment: re.Match[bytes]) -> bytes:
    return b"\n" * comment[0].count(b"\n")


def _served() -> Mapping[str, StaticFile]:
    read = _read(files("session_api.web_application").joinpath("static"), ROOT)
    page = read.pop(f"{ROOT}/index.html")
    return MappingProxyType({**read, PAGE: page})


FILES = _served()
"""The files by the path of their address; the page itself is at ``/app/``."""
PUBLIC_PATHS = frozenset({ROOT, *FILES})
"""The exact paths that need no token."""
