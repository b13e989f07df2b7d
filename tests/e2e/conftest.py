"""One embedded system for all tests; each takes tenants of its own."""

from collections.abc import Iterator

import pytest

from tests.support import task_package
from tests.support.system import System, running_system


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system, with the example package of tasks installed beside the product's own."""
    site = task_package.install(tmp_path_factory.mktemp("package"))
    with running_system(PYTHONPATH=str(site)) as system:
        yield system
