"""The files of the web application, read once, with their entity tags."""

import gzip
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
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
_INDENTATION = re.compile(rb"^\t+", re.MULTILINE)
_STYLE_SPACE = re.compile(rb"/\*.*?\*/\s*|\s*([{};,])\s*|(?<=:)\s+", re.DOTALL)
"""Comments of a style sheet, and space that separates nothing in it. No text in ours has such characters."""
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
            if prefix == ROOT:
                content = SHORTENED.get(entry.name.rpartition(".")[2], bytes)(content)
            tag = urlsafe_b64encode(sha256(content).digest()[:12]).decode()
            media_type = TYPES[entry.name.rpartition(".")[2]]
            packed = gzip.compress(content, mtime=0)
            read[f"{prefix}/{entry.name}"] = StaticFile(content, packed, media_type, f'W/"{tag}"')
    return read


def shortened_script(script: bytes) -> bytes:
    """The script without indentation, and with empty lines in place of comments.

    Each statement keeps the number of its line. Of texts with several lines only templates of htm may be in it, which
    drops indentation itself.
    """
    return _INDENTATION.sub(b"", _COMMENTS.sub(_empty_lines, script))


def shortened_style(style: bytes) -> bytes:
    """The style sheet without comments and without space that separates nothing."""
    return _STYLE_SPACE.sub(rb"\1", style)


SHORTENED: Mapping[str, Callable[[bytes], bytes]] = {"css": shortened_style, "js": shortened_script}
"""What makes our own files shorter, by the ends of their names."""


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
