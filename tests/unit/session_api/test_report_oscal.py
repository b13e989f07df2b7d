"""The OSCAL form of a report: unknown is never satisfied, ids are stable, and nothing else than OSCAL's members."""

import re
from typing import Any

import msgspec
import pytest

from onboarding_shared.contracts.types import CheckStatus
from session_api.routes.report_oscal import report_oscal
from tests.unit.session_api.report_examples import example, finding, gap

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TOKEN = re.compile(r"[^\W\d][\w.-]*")


def document(**more: Any) -> dict[str, Any]:
    made = msgspec.json.decode(msgspec.json.encode(report_oscal(example(**more))))
    return dict(made["assessment-results"])


def results(report: Any) -> dict[str, Any]:
    made = msgspec.json.decode(msgspec.json.encode(report_oscal(report)))
    return dict(made["assessment-results"]["results"][0])


def test_the_document_names_version_customer_and_plan() -> None:
    made = document()
    assert made["metadata"]["oscal-version"] == "1.1.3"
    assert made["metadata"]["title"] == "Onboarding of Contoso"
    assert made["metadata"]["last-modified"] == "2026-11-24T10:00:00Z"
    assert made["import-ap"]["href"] == f"#{made['back-matter']['resources'][0]['uuid']}"


@pytest.mark.parametrize(
    ("status", "state"),
    [("ok", "satisfied"), ("warn", "satisfied"), ("fail", "not-satisfied"), ("unknown", "not-satisfied")],
)
def test_only_ok_and_warn_are_satisfied(status: str, state: str) -> None:
    report = example()
    report.findings = [finding(status=CheckStatus(status))]
    made = results(report)
    assert made["findings"][0]["target"]["status"]["state"] == state
    assert {"name": "verdict", "ns": "urn:onboarding:oscal", "value": status} in made["observations"][0]["props"]


def test_a_finding_leads_to_its_observation_and_evidence() -> None:
    (made,) = document()["results"]
    (found,), (observed,) = made["findings"], made["observations"]
    assert found["related-observations"] == [{"observation-uuid": observed["uuid"]}]
    assert found["target"]["target-id"] == "license.inventory"
    assert observed["relevant-evidence"][0]["href"] == "/tenants/42/onboarding/evidence/205"
    assert (observed["collected"], observed["expires"]) == ("2026-11-24T09:30:01Z", "2026-11-25T09:30:01Z")
    assert {"name": "seal", "ns": "urn:onboarding:oscal", "value": "9f86d081" * 8} in observed["props"]


def test_what_was_not_checked_is_excluded_with_its_reason() -> None:
    (made,) = document()["results"]
    (selection,) = made["reviewed-controls"]["control-selections"]
    assert selection["include-controls"] == [{"control-id": "license.inventory"}]
    assert selection["exclude-controls"] == [{"control-id": "identity.global_admins"}]
    assert made["remarks"] == "identity.global_admins was not checked (NEVER_RUN): This task has not been run yet."


def test_without_findings_no_list_is_empty() -> None:
    (made,) = document(findings=[])["results"]
    assert "findings" not in made
    assert "observations" not in made
    assert made["reviewed-controls"]["control-selections"][0]["include-all"] == {}


def test_a_chain_that_was_not_verified_is_unknown() -> None:
    (made,) = document(chain={"verified": None, "length": None, "head": None, "break": None})["results"]
    named = {prop["name"]: prop["value"] for prop in made["props"]}
    assert named["chain-verified"] == "unknown"
    assert "chain-head" not in named


def test_ids_are_uuids_that_stay_the_same() -> None:
    ids = [value for name, value in members(document()) if name in ("uuid", "observation-uuid")]
    assert ids == [value for name, value in members(document()) if name in ("uuid", "observation-uuid")]
    assert [value for value in ids if not UUID.fullmatch(value)] == []
    assert document()["uuid"] != document(generated_at="2026-11-24T10:00:01Z")["uuid"]


def test_titles_and_names_are_one_line() -> None:
    report = example()
    report.customer.display_name = " Contoso \u2028 Ltd "
    report.findings = [finding(title="Two\nlines")]
    made = msgspec.json.decode(msgspec.json.encode(report_oscal(report)))["assessment-results"]
    assert made["metadata"]["parties"][0]["name"] == "Contoso Ltd"
    assert made["results"][0]["findings"][0]["title"] == "Two lines"


def test_names_and_values_are_oscals_tokens_and_strings() -> None:
    report = example()
    report.not_checked = [gap()]
    for name, value in members(document()):
        if name in ("name", "control-id", "target-id", "type") and value != "Contoso":
            assert TOKEN.fullmatch(value), (name, value)
        if name == "value":
            assert re.fullmatch(r"\S(.*\S)?", value), value


def members(value: Any) -> list[tuple[str, str]]:
    """Every member of a document whose value is a text."""
    if isinstance(value, list):
        return [member for part in value for member in members(part)]
    if not isinstance(value, dict):
        return []
    own = [(name, part) for name, part in value.items() if isinstance(part, str)]
    return own + [member for part in value.values() for member in members(part)]
