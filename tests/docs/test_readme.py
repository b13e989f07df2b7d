"""README is short, and its commands do what it shows."""

import re

import pytest

from tests.docs.conftest import new_reader
from tests.docs.console import commands_of
from tests.docs.tables import ROOT

README = ROOT / "README.md"
# `make test` runs this very test.
SELF = "make test"


@pytest.mark.system
@pytest.mark.timeout(600)
def test_the_readmes_commands_do_what_it_shows() -> None:
    commands = commands_of(README)
    assert SELF in [command.text for command in commands]
    with new_reader() as reader:
        differences = reader.differences(README, [command for command in commands if command.text != SELF])

    assert not differences, differences


def test_the_readme_has_fewer_than_120_lines() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 120


def test_the_readme_counts_no_warnings() -> None:
    assert not re.findall(r"\d+ warnings", README.read_text(encoding="utf-8"))
