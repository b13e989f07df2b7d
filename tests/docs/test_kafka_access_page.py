"""docs/how-to/run-in-production.md gives the rights of the table in the code, and the services need just those."""

import re
from pathlib import Path

import evidence_store.consumers
import session_api.consumers
import session_api.use_cases.live_feed
import task_runner.consumers
from onboarding_devstack.engines.kafka_access import CONSUMED, FOLLOWED, GROUPS, grants

PAGE = Path(__file__).parents[2] / "docs/how-to/run-in-production.md"
CONSUMERS = {
    "session-api": session_api.consumers,
    "task-runner": task_runner.consumers,
    "evidence-store": evidence_store.consumers,
}


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_commands_give_the_rights_of_the_table() -> None:
    commands = re.findall(r"^\$ACLS (.+)$", page().replace(" \\\n ", ""), re.MULTILINE)
    assert commands == [grant.options for grant in grants()]


def test_the_page_names_each_right_of_the_table() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([A-Z][A-Za-z, ]+) \| (.+) \|$", page(), re.MULTILINE)
    shown = [(name, tuple(which.split(", ")), tuple(re.findall("`([^`]+)`", on))) for name, which, on in rows]
    assert shown == [(grant.principal, grant.operations, grant.names) for grant in grants()]


def test_the_rights_are_those_of_the_consumers_of_the_services() -> None:
    assert {name: consumers.TOPICS for name, consumers in CONSUMERS.items()} == CONSUMED
    assert {*session_api.use_cases.live_feed.TOPICS} == {*CONSUMED["session-api"], *FOLLOWED["session-api"]}
    assert {name: consumers.GROUP for name, consumers in CONSUMERS.items()} == GROUPS
