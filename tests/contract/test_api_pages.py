"""The API pages of the services describe each operation fully: id, subject, words, parameters, headers and example."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from evidence_store.app import build as build_evidence_store
from evidence_store.routes.problems import CODES
from evidence_store.settings import EvidenceStoreSettings
from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from session_api.app import build as build_session_api
from session_api.settings import SessionApiSettings
from tests.support.patterns import patterns
from tests.support.published import differences, page_of, resolved, violations

TAGS = {
    "users",
    "sessions",
    "tasks",
    "runs",
    "evidence",
    "events",
    "provider connections",
    "tenant bindings",
    "consent",
    "catalogue",
    "schemas",
    "services",
    "dead letters",
    "customers",
}
EVIDENCE = ("OnboardingEvidence", "SealedEvidence", "ChainVerification", "ChainBreak", "BreakKind")
VALUES = {"status", "state", "outcome", "run_state", "code"}
"""Members with few values, which a reader wants to see."""

PARTIAL = {"updateSession", "getSchema"}
"""Operations whose body is any part of what is published."""

Page = dict[str, Any]
Pages = dict[str, Page]
each_service = pytest.mark.parametrize("service", ["session-api", "evidence-store"])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    identity = Identity(tmp_path_factory.mktemp("identity"))
    identity.ensure()
    given: dict[str, Any] = {
        "database": DatabaseSettings(url="postgresql://nobody@127.0.0.1:9/nothing"),
        "kafka": KafkaSettings(bootstrap_servers="127.0.0.1:9"),
        "log": LogSettings(),
        "http": HttpSettings(),
        "identity": IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
    }
    session_api = build_session_api(SessionApiSettings(**given, evidence_store_url="http://127.0.0.1:9"))
    evidence_store = build_evidence_store(EvidenceStoreSettings(**given))
    return {"session-api": page_of(session_api.app), "evidence-store": page_of(evidence_store.http)}


def operations(page: Page) -> Iterator[dict[str, Any]]:
    for item in page["paths"].values():
        yield from item.values()


def contents(page: Page, operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The content of the request and of the answer of success that has an example."""
    if "requestBody" in operation:
        yield from operation["requestBody"]["content"].values()
    statuses = operation["responses"]
    yield from resolved(page, statuses[next(made for made in ("201", "202", "200") if made in statuses)])[
        "content"
    ].values()


@each_service
def test_operation_ids_are_short_and_unique(pages: Pages, service: str) -> None:
    ids = [operation["operationId"] for operation in operations(pages[service])]
    assert [name for name, times in Counter(ids).items() if times > 1] == []
    assert [name for name in ids if not re.fullmatch(r"[a-z][A-Za-z]{3,24}", name)] == []


@each_service
def test_every_operation_has_a_subject_and_a_description(pages: Pages, service: str) -> None:
    for operation in operations(pages[service]):
        assert len(operation["tags"]) == 1, operation["operationId"]
        assert set(operation["tags"]) <= TAGS
        assert operation["summary"], operation["operationId"]
        assert operation["description"], operation["operationId"]


@each_service
def test_every_parameter_has_a_description_and_an_example(pages: Pages, service: str) -> None:
    for operation in operations(pages[service]):
        for parameter in operation.get("parameters", []):
            at = (operation["operationId"], parameter["name"])
            assert parameter.get("description"), at
            for example in parameter["examples"].values():
                assert violations(pages[service], parameter["schema"], example["value"]) == [], at


@each_service
def test_no_parameter_takes_null(pages: Pages, service: str) -> None:
    for operation in operations(pages[service]):
        for parameter in operation.get("parameters", []):
            schema = resolved(pages[service], parameter["schema"])
            assert "null" not in str(schema), (operation["operationId"], parameter["name"])
            assert None not in schema.get("enum", []), (operation["operationId"], parameter["name"])


@each_service
@pytest.mark.parametrize("name", ["limit", "run", "expected_length"])
def test_numbers_are_numbers_in_every_list(pages: Pages, service: str, name: str) -> None:
    given = [
        resolved(pages[service], parameter["schema"])
        for operation in operations(pages[service])
        for parameter in operation.get("parameters", [])
        if parameter["name"] == name
    ]
    assert given
    assert {schema.get("items", schema)["type"] for schema in given} == {"integer"}


@each_service
def test_every_answer_has_the_id_of_its_request(pages: Pages, service: str) -> None:
    page = pages[service]
    for operation in operations(page):
        for status, answer in operation["responses"].items():
            assert "X-Request-ID" in resolved(page, answer)["headers"], (operation["operationId"], status)


@each_service
def test_every_body_has_an_example_with_exactly_its_members(pages: Pages, service: str) -> None:
    page = pages[service]
    for operation in operations(page):
        for content in contents(page, operation):
            examples = [example["value"] for example in content.get("examples", {}).values()]
            assert examples, operation["operationId"]
            for value in examples:
                assert violations(page, content["schema"], value) == [], operation["operationId"]
                shown = differences(
                    page, content["schema"], value, complete=operation["operationId"] != "updateSession"
                )
                assert list(shown) == [], operation["operationId"]


@each_service
def test_members_with_few_values_list_them(pages: Pages, service: str) -> None:
    page = pages[service]
    for title, schema in page["components"]["schemas"].items():
        for name in VALUES & schema.get("properties", {}).keys():
            if (title, name) in {("Problem", "status"), ("ErrorResponse", "status"), ("Reason", "code")}:
                continue
            if (title, name) in {("PreflightFinding", "code"), ("DeclaredReason", "code")}:
                continue
            assert '"enum"' in str(expanded(page, schema["properties"][name])).replace("'", '"'), (title, name)


def expanded(page: Page, schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema and its choices, without references."""
    plain = resolved(page, schema)
    return [plain, *(resolved(page, choice) for word in ("oneOf", "allOf") for choice in plain.get(word, []))]


def test_answers_that_point_somewhere_describe_the_header(pages: Pages) -> None:
    for page in pages.values():
        for operation in operations(page):
            answers = operation["responses"]
            if "201" in answers:
                assert "Location" in answers["201"]["headers"], operation["operationId"]
            if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", [])):
                assert "Link" in answers["200"]["headers"], operation["operationId"]
        assert "Retry-After" in page["components"]["responses"]["Problem"]["headers"]


@pytest.mark.parametrize("schema", EVIDENCE)
def test_evidence_has_the_same_members_on_both_pages(pages: Pages, schema: str) -> None:
    passed_on, sent = (pages[service]["components"]["schemas"][schema] for service in ("session-api", "evidence-store"))
    assert passed_on.get("enum") == sent.get("enum")
    assert passed_on.get("properties", {}).keys() == sent.get("properties", {}).keys()
    assert passed_on.get("required") == sent.get("required")
    for name, member in sent.get("properties", {}).items():
        assert formats(passed_on["properties"][name]) == formats(member), name


def test_the_codes_of_passed_on_answers_are_published(pages: Pages) -> None:
    published = pages["session-api"]["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert set(CODES) - {"SCHEMA_NOT_FOUND"} <= set(published)


@each_service
def test_no_pattern_needs_the_expressions_of_python(pages: Pages, service: str) -> None:
    found = list(patterns(pages[service]))
    assert found
    assert [pattern for pattern in found if re.search(r"\(\?|\\[AZz]", pattern)] == []


def formats(schema: dict[str, Any]) -> set[str]:
    return {str(part["format"]) for part in (schema, *schema.get("oneOf", [])) if "format" in part}
