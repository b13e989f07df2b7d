"""The weight of a start in its tenant's share of a transaction."""

from typing import Any

import pytest

from session_api.domain.starting import Start
from session_api.use_cases.starts import StartRequest, weight


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([None], 1),
        ([{}], 1),
        ([None, None], 2),
        ([{"a": "x" * 200}], 1),
        ([{"a": "x" * 1000}], 4),
        ([{"a": "é" * 16}] * 3, 3),
    ],
)
def test_a_request_weighs_its_starts_and_their_inputs(inputs: list[dict[str, Any] | None], expected: int) -> None:
    starts = [Start(42, "license.inventory", None, 7, None, inputs=given) for given in inputs]
    assert weight(StartRequest(starts, None)) == expected
