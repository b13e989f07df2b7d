"""Reads JavaScript sources as far as tests need it: their template literals."""

import re
from collections.abc import Iterator

_TEXT = re.compile(r"(?P<tick>`)|(?P<begin>\$\{)|\\.|[^`\\$]+|\$", re.DOTALL)
_CODE = re.compile(
    r"""(?P<tag>[\w$]*)(?P<tick>`)|(?P<brace>[{}])|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|//[^\n]*|/\*.*?\*/"""
    r"|(?<=[(,=:!&|?;])[ \n\t]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[\n])+/|[\w$]+|.",
    re.DOTALL,
)


def templates(script: str) -> Iterator[tuple[str, str]]:
    """The template literals of a script: each with its tag, and its text without the expressions in it."""
    inside: list[tuple[str, list[str]]] = []
    depths = [0]
    place = 0
    while place < len(script):
        in_text = len(inside) == len(depths)
        token = (_TEXT if in_text else _CODE).match(script, place)
        assert token is not None, script[place : place + 80]
        place = token.end()
        kinds = token.groupdict()
        if in_text and kinds["tick"]:
            tag, parts = inside.pop()
            yield tag, "".join(parts)
        elif in_text and kinds["begin"]:
            depths.append(0)
        elif in_text:
            inside[-1][1].append(token[0])
        elif kinds["tick"]:
            inside.append((kinds["tag"], []))
        elif kinds["brace"]:
            depths[-1] += 1 if kinds["brace"] == "{" else -1
            if depths[-1] < 0:
                depths.pop()
