"""The way to our own tenant, beside the one to the customer's."""

import time

import msgspec
import pytest

from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import CannotTell, Connection, TaskContext, TaskFault

CUSTOMER = Connection(
    id=1,
    provider="microsoft_graph",
    external_tenant_id="aaaaaaaa-0000-4000-8000-000000000001",
    client_id="app",
    credential_ref="env:SECRET",
    cloud="public",
)
PARTNER = "bbbbbbbb-0000-4000-8000-000000000002"


def context(connection: Connection | None, partner: str | None) -> TaskContext:
    providers = Providers(ProviderSettings(partner_tenant_id=partner))
    return providers.context_for(
        tenant_id=1, run_id=1, attempt=1, connection=connection, deadline=time.monotonic() + 10
    )


def test_reads_in_both_tenants_are_in_one_provenance_record() -> None:
    made = context(CUSTOMER, PARTNER)
    assert made.partner_graph is not made.graph
    assert made.partner_graph.record is made.graph.record


def test_without_the_partners_tenant_its_result_is_unknown() -> None:
    with pytest.raises(CannotTell) as caught:
        _ = context(CUSTOMER, None).partner_graph
    assert caught.value.reason_code == "PARTNER_TENANT_MISSING"


def test_without_a_connection_the_partners_tenant_is_unreachable() -> None:
    with pytest.raises(TaskFault) as caught:
        _ = context(None, PARTNER).partner_graph
    assert caught.value.reason_code == "PROVIDER_CONNECTION_MISSING"


@pytest.mark.parametrize("text", [PARTNER, PARTNER.upper()])
def test_a_connection_to_the_partners_tenant_is_refused(text: str) -> None:
    own = msgspec.structs.replace(CUSTOMER, external_tenant_id=text)
    with pytest.raises(TaskFault) as caught:
        context(own, PARTNER.upper())

    assert (caught.value.reason_code, caught.value.retryable) == ("CONNECTION_TO_PARTNER", False)
