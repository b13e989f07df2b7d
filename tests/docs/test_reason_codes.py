"""The catalogue of reason codes has every code that the services give, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import evidence_store.routes.problems
import session_api.routes.problems
from onboarding_shared.contracts.reason_codes import REASONS
from onboarding_shared.contracts.types import CheckStatus
from onboarding_shared.web import errors
from tests.docs.tables import ROOT

SERVICES = ROOT / "services"
CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
CODES_OF_HTTP = set(errors.CODES) | set(session_api.routes.problems.CODES) | set(evidence_store.routes.problems.CODES)
REASONS_OF_DEAD_LETTERS = {"RUN_NOT_FINISHED", "TENANT_INVALID"}
OTHERS = {"API_VERSION", "DATABASE_URL", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "TASK_CONTEXT_CLIENT_SECRET"}
SETTINGS = "ONBOARDING_"


def codes_in(source: str) -> Iterator[str]:
    """Every text in a source that looks like a code; a docstring is prose."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
            yield node.value


def given_in(folder: Path) -> set[str]:
    """The reason codes in the sources of the services."""
    found = {code for file in folder.glob("*/src/**/*.py") for code in codes_in(file.read_text(encoding="utf-8"))}
    no_reasons = (CODES_OF_HTTP | REASONS_OF_DEAD_LETTERS | OTHERS) - REASONS.keys()
    return {code for code in found - no_reasons if not code.startswith(SETTINGS)}


def test_every_reason_code_of_a_service_is_in_the_catalogue() -> None:
    assert given_in(SERVICES) - REASONS.keys() == set()


def test_every_reason_code_of_the_catalogue_is_used() -> None:
    assert REASONS.keys() - given_in(SERVICES) == set()


def test_a_code_outside_the_catalogue_would_be_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "some-service/src/some_service"
    folder.mkdir(parents=True)
    source = '"""Says NOT_A_CODE_HERE."""\nanswer = fail("NOT_IN_THE_CATALOGUE", "Says SO_AND_SO.")\n'
    (folder / "task.py").write_text(source, encoding="utf-8")

    assert given_in(tmp_path) - REASONS.keys() == {"NOT_IN_THE_CATALOGUE"}


def test_every_reason_has_meaning_and_remediation_in_whole_sentences() -> None:
    for reason in REASONS.values():
        for text in (reason.meaning, reason.remediation):
            assert text[0].isupper(), reason.code
            assert text.endswith("."), reason.code


def test_what_is_ok_needs_nothing_and_nothing_else_does() -> None:
    idle = {reason.code for reason in REASONS.values() if reason.remediation == "No action is required."}

    assert idle == {reason.code for reason in REASONS.values() if reason.status is CheckStatus.OK}


def test_links_are_pages_of_microsoft_over_https() -> None:
    links = {reason.link for reason in REASONS.values() if reason.link is not None}

    assert all(link.startswith("https://learn.microsoft.com/") for link in links)
