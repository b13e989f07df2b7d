"""The page on connecting to Microsoft has the permissions, audiences and codes of the product."""

from onboarding_shared.contracts.reason_codes import REASONS
from task_runner.checks.lists import MANIFEST
from task_runner.providers.credentials.managed_identity import AUDIENCES
from tests.docs.tables import DOCS, first_words, rows, words

PAGE = DOCS / "how-to" / "connect-to-microsoft.md"


def test_the_permissions_are_those_of_the_manifest() -> None:
    told = {words(row[0])[0]: row[1] for row in rows(PAGE, "1. Register the application")}

    assert told == dict(MANIFEST.app_roles)


def test_every_cloud_has_its_audience() -> None:
    told = {cloud: words(row[1])[0] for row in rows(PAGE, "Federation on Kubernetes") for cloud in words(row[0])}

    assert told == dict(AUDIENCES)


def test_every_reason_code_of_the_page_exists() -> None:
    assert set(first_words(PAGE, "4. Connect a customer")) <= set(REASONS)
