"""docs/errors.md has every code that an answer can carry, with the status it is raised with, and every exit code."""

import ast
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

import pytest

import evidence_store.routes.problems
import session_api.routes.problems
from onboarding_devstack.cli.exits import Exit
from onboarding_shared.web import errors
from tests.docs.tables import DOCS, ROOT, rows, words

PAGE = DOCS / "errors.md"
SECTIONS = {
    "Codes of every service": errors.CODES,
    "Codes of session-api": session_api.routes.problems.CODES,
    "Codes of evidence-store": evidence_store.routes.problems.CODES,
}
STATUS_OF_CLASS = {
    name: kind.status
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.Problem) and kind is not errors.Problem
} | {"_refusal": 401}
# Chosen by a value and not written at the place where they are raised; the tests of the HTTP edge hold these to 400.
COMPUTED = {"INVALID_FIELD", "INVALID_UTF8", "MISSING_FIELD", "UNKNOWN_FIELD"}


def raised(sources: Path) -> Iterator[tuple[str, int]]:
    """Every problem that some line makes with a literal code, with its status."""
    for file in sources.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(code)), *_], keywords=given):
                    literal = [one.value for one in given if one.arg == "status"]
                    if name in STATUS_OF_CLASS:
                        yield code, STATUS_OF_CLASS[name]
                    elif name == "Problem" and literal and isinstance(literal[0], ast.Constant):
                        yield code, int(str(literal[0].value))


@pytest.mark.parametrize("section", SECTIONS)
def test_the_errors_page_has_exactly_the_codes(section: str) -> None:
    codes: Mapping[str, str] = SECTIONS[section]

    assert [words(row[0])[0] for row in rows(PAGE, section)] == sorted(codes)


@pytest.mark.parametrize(
    ("section", "sources"),
    [
        ("Codes of every service", ROOT / "shared/src/onboarding_shared/web"),
        ("Codes of session-api", ROOT / "services/session-api/src"),
        ("Codes of evidence-store", ROOT / "services/evidence-store/src"),
    ],
)
def test_every_status_is_the_one_that_is_raised(section: str, sources: Path) -> None:
    documented = {words(row[0])[0]: int(row[1]) for row in rows(PAGE, section)}
    found = {(code, status) for code, status in raised(sources) if code in documented and code not in COMPUTED}

    assert found == {(code, status) for code, status in documented.items() if code not in COMPUTED}
    assert all(documented[code] == HTTPStatus.BAD_REQUEST for code in COMPUTED & documented.keys())


def test_the_errors_page_has_every_exit_code_with_its_meaning() -> None:
    assert [(int(row[0]), row[1]) for row in rows(PAGE, "Command line")] == [
        (code.value, code.meaning) for code in Exit
    ]
