from collections.abc import Iterator

import pytest

from tests.support.own_logging import logging_as_before


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    with logging_as_before():
        yield
