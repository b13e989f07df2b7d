"""The patterns of published schemas mean the same to the engines of Go, Rust, JavaScript and Python."""

import json
import re
import shutil
import subprocess

import jsonschema_rs
import msgspec
import pytest

from onboarding_shared.contracts.catalogue import all_messages, json_schema
from onboarding_shared.contracts.dead_letters import DeadLettered
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.portable_patterns import portable, with_portable_patterns
from tests.support.patterns import patterns

TYPES = [*all_messages(), DeadLettered]
OUTSIDE_THE_COMMON_SYNTAX = re.compile(
    r"""
    \\(?![.\\-]|x[0-9a-f]{2})   # an escape that is not of a character: Go has no \\u, JavaScript no \\Z
    | \(\?(?!:)                 # a group that looks around or has a name or flags
    | \[\[ | &&                 # classes in classes
    | \$(?!\Z)                  # an end that is not at the end
    | [*+?}]\+                  # a quantifier that gives nothing back
    """,
    re.VERBOSE,
)
COMPILED_BY_NODE = """
const patterns = JSON.parse(process.argv[1]).map((pattern) => new RegExp(pattern, "u"));
console.log(JSON.stringify(patterns.map((pattern) => [pattern.test("A_1"), pattern.test("A_1\\n")])));
"""


def published() -> list[str]:
    return sorted({pattern for message in TYPES for pattern in patterns(json_schema(message))})


@pytest.mark.parametrize(
    "pattern",
    [r"^a$(?!\n)", r"^a\Z", r"^\u200b$", r"^(?P<a>b)$", r"^(?i)a$", "^a++$", "^[[:digit:]]$", "^a$b", r"^\d$"],
)
def test_a_pattern_outside_the_common_syntax_is_noticed(pattern: str) -> None:
    assert OUTSIDE_THE_COMMON_SYNTAX.search(pattern)


def test_every_published_pattern_is_of_the_common_syntax() -> None:
    assert len(published()) >= 4
    assert [pattern for pattern in published() if OUTSIDE_THE_COMMON_SYNTAX.search(pattern)] == []


@pytest.mark.parametrize("message", TYPES)
def test_every_schema_compiles_without_backtracking(message: type[Message]) -> None:
    jsonschema_rs.Draft202012Validator(json_schema(message), pattern_options=jsonschema_rs.RegexOptions())


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js")
def test_published_patterns_compile_in_javascript() -> None:
    given = [portable(r"^[A-Z][A-Z0-9_]{1,63}\Z"), *published()]
    done = subprocess.run(
        ["node", "-e", COMPILED_BY_NODE, json.dumps(given)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0] == [True, False]


def test_our_own_patterns_reach_to_the_very_end() -> None:
    own = {pattern for message in TYPES for pattern in patterns(msgspec.json.schema(message))}
    assert [pattern for pattern in own if not re.search(r"[^\\]\\Z\Z", pattern)] == []


def test_only_the_end_of_a_pattern_changes() -> None:
    schema = {"pattern": r"^a\.\Z", "properties": {"pattern": {"type": "string"}}, "anyOf": [{"pattern": r"^b\Z"}]}
    assert with_portable_patterns(schema) == {
        "pattern": r"^a\.$",
        "properties": {"pattern": {"type": "string"}},
        "anyOf": [{"pattern": "^b$"}],
    }
