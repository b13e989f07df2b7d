"""The pytest plugin: the fixture ``onboarding``."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from onboarding_testing.onboarding import Onboarding


@pytest.fixture(scope="session")
def onboarding() -> "Iterator[Onboarding]":
    """The product on this machine, started once for a test run: services, PostgreSQL, Kafka, Microsoft emulator."""
    # Imported here: every test run of an environment loads this module, whether or not it uses the fixture.
    from onboarding_testing.embedded import embedded_onboarding

    with embedded_onboarding() as started:
        yield started
