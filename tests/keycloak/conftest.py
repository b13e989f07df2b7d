"""Only where it is asked for: Keycloak is fetched once (160 MB) and takes a minute to start."""

import os
from pathlib import Path

import pytest

ASKED_FOR = "ONBOARDING_TEST_KEYCLOAK"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests with the reason."""
    if os.environ.get(ASKED_FOR):
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="`make test-keycloak` runs it"))
