"""Every remediation can be followed: the tasks, operations and addresses that it names exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.contracts.reason_codes import REASONS, Reason
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from session_api.app import build
from session_api.settings import SessionApiSettings
from task_runner.tasks import discover
from tests.support.published import page_of

ADDRESS = re.compile(r"https?://[^\s`;,)]+")
PAGE_OF_MICROSOFT = re.compile(r"https://(?:(?:learn|admin|entra|portal)\.microsoft\.com|aka\.ms)/[\w./#-]*")
TASK = re.compile(r"\b[a-z][a-z0-9]*\.[a-z][a-z0-9_]*\b")
OPERATION = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (…?/[^\s`]+)")
PATH = re.compile(r"(?<![\w<:/])…?/[a-z][\w/{}-]+")

each_reason = pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.code)


def tasks_in(text: str) -> set[str]:
    return set(TASK.findall(ADDRESS.sub("", text)))


def operations_in(text: str) -> set[tuple[str, str]]:
    return {(method.lower(), path) for method, path in OPERATION.findall(ADDRESS.sub("", text))}


def exists(operation: tuple[str, str], operations: set[tuple[str, str]]) -> bool:
    """True if the operation is there; ``…`` stands for the beginning of its path."""
    method, path = operation
    if path.startswith("…"):
        return any(method == there and whole.endswith(path[1:]) for there, whole in operations)
    return operation in operations


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[tuple[str, str]]]:
    identity = Identity(tmp_path_factory.mktemp("identity"))
    identity.ensure()
    given: dict[str, Any] = {
        "database": DatabaseSettings(url="postgresql://nobody@127.0.0.1:9/nothing"),
        "kafka": KafkaSettings(bootstrap_servers="127.0.0.1:9"),
        "log": LogSettings(),
        "http": HttpSettings(),
        "identity": IdentitySettings(jwks=str(Path(identity.jwks)), issuer=ISSUER),
    }
    service = build(SessionApiSettings(**given, evidence_store_url="http://127.0.0.1:9"))
    yield {(method, path) for path, item in page_of(service.app)["paths"].items() for method in item}


@each_reason
def test_every_task_that_a_remediation_names_is_installed(reason: Reason) -> None:
    assert tasks_in(reason.remediation) <= set(discover())


@each_reason
def test_every_operation_that_a_remediation_names_exists(reason: Reason, operations: set[tuple[str, str]]) -> None:
    named = operations_in(reason.remediation)

    assert {operation for operation in named if not exists(operation, operations)} == set()


@each_reason
def test_every_path_in_a_remediation_has_its_method(reason: Reason) -> None:
    text = ADDRESS.sub("", reason.remediation)

    assert set(PATH.findall(text)) == {path for _, path in operations_in(text)}


@each_reason
def test_every_address_leads_to_a_page_of_microsoft(reason: Reason) -> None:
    addresses = [*ADDRESS.findall(reason.remediation), *([reason.link] if reason.link else [])]

    assert [address for address in addresses if not PAGE_OF_MICROSOFT.fullmatch(address.rstrip("."))] == []


@pytest.mark.parametrize("code", ["CONSENT_MISSING", "CONSENT_PERMISSIONS_MISSING", "CONSENT_LOST", "GRAPH_FORBIDDEN"])
def test_missing_consent_leads_to_the_consent_link(code: str) -> None:
    assert operations_in(REASONS[code].remediation) == {("post", "…/consent-requests")}


def test_a_task_or_operation_that_is_not_there_is_noticed(operations: set[tuple[str, str]]) -> None:
    text = (
        "Start app.consent_grant, then `POST …/nothing` or `DELETE /onboarding/task-types`; see https://a.example/x.y."
    )

    assert tasks_in(text) == {"app.consent_grant"}
    assert operations_in(text) == {("post", "…/nothing"), ("delete", "/onboarding/task-types")}
    assert not any(exists(operation, operations) for operation in operations_in(text))
    assert exists(("get", "/onboarding/task-types"), operations)
    assert exists(("post", "…/runs/{runId}/cancel"), operations)


@pytest.mark.parametrize(
    "address", ["http://learn.microsoft.com/x", "https://learn.microsoft.com.evil.example/", "https://example.com/"]
)
def test_an_address_elsewhere_is_noticed(address: str) -> None:
    assert not PAGE_OF_MICROSOFT.fullmatch(address)
