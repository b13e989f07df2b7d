"""Connectivity as a pure function: each reason code with the values that lead to it."""

import pytest

from task_runner.checks import connectivity as graph_connectivity
from task_runner.checks.connectivity import Organization
from task_runner.tasks import Result

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"


def verdict(result: Result) -> tuple[str, str]:
    return result.status.value, result.reason_code


def organization(tenant: str = TENANT) -> Organization:
    return Organization(id=tenant, display_name="Contoso", verified_domains=("contoso.example",))


@pytest.mark.parametrize(
    ("tenant", "users", "expected"),
    [
        (TENANT, 1, ("ok", "GRAPH_OK")),
        (TENANT.upper(), 1, ("ok", "GRAPH_OK")),
        (TENANT, 0, ("warn", "GRAPH_EMPTY_TENANT")),
        (TENANT, None, ("unknown", "DATA_INCOMPLETE")),
        ("bbbbbbbb-0000-4000-8000-000000000001", 5, ("fail", "GRAPH_TENANT_MISMATCH")),
    ],
)
def test_connectivity(tenant: str, users: int | None, expected: tuple[str, str]) -> None:
    assert verdict(graph_connectivity.decide(TENANT, organization(tenant), users)) == expected
