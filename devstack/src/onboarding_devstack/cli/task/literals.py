"""The results that the source of a task writes down: reason codes, messages and members of payloads.

Only literals can be read from a source; what is computed shows at its first run.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

RESULTS = ("ok", "warn", "fail", "unknown")
EXCEPTIONS = ("CannotTell", "TaskFault", "Wait")
RESERVED = ("provenance", "dry_run")


class Outcome(NamedTuple):
    """A call that makes a result or an exception of a task; None where the value is computed."""

    place: str
    """The file and the line."""
    call: str
    reason_code: str | None
    message: str | None
    reserved: tuple[str, ...]
    """The members of its payload whose names are taken."""


def outcomes_in(path: Path) -> list[Outcome]:
    """The outcomes in a file. Raises `SyntaxError` and `UnicodeDecodeError`."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    constants = dict(_constants(tree))
    return [
        _outcome(node, name, f"{path}:{node.lineno}", constants)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (name := _name(node.func)) is not None
    ]


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text


def _name(function: ast.expr) -> str | None:
    match function:
        case ast.Attribute(value=ast.Name(id="Result"), attr=attribute) if attribute in RESULTS:
            return f"Result.{attribute}"
        case ast.Name(id=name) if name in EXCEPTIONS:
            return name
    return None


def _outcome(node: ast.Call, name: str, place: str, constants: dict[str, str]) -> Outcome:
    values = dict(zip(("reason_code", "message", "payload"), node.args, strict=False))
    values |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    code, message = (_text(values.get(part), constants) for part in ("reason_code", "message"))
    if "message" not in values and not any(keyword.arg is None for keyword in node.keywords):
        message = ""
    payload = values.get("payload")
    keys = [key.value for key in payload.keys if isinstance(key, ast.Constant)] if isinstance(payload, ast.Dict) else []
    return Outcome(place, name, code, message, tuple(key for key in RESERVED if key in keys))


def _text(node: ast.expr | None, constants: dict[str, str]) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return constants.get(name)
    return None
