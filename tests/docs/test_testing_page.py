"""docs/how-to/test-against-onboarding.md shows the example as it is, and every member that it has."""

import inspect
import re

from onboarding_testing.onboarding import Onboarding
from onboarding_testing.tenant import Tenant
from tests.docs.tables import DOCS, ROOT

PAGE = (DOCS / "how-to" / "test-against-onboarding.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples/test_new_customer.py"


def test_the_page_shows_the_example_as_it_is() -> None:
    (shown, _) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    example = EXAMPLE.read_text(encoding="utf-8")
    assert example.endswith(f"\n\n\n{shown}")
    assert len(example.splitlines()) <= 15


def test_the_page_has_every_method_of_the_fixture_and_of_tenants() -> None:
    methods = [
        name
        for of in (Onboarding, Tenant)
        for name, _ in inspect.getmembers(of, inspect.isfunction)
        if not name.startswith("_")
    ]
    assert [name for name in methods if f"`{name}(" not in PAGE] == []
