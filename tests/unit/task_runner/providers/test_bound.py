"""The file of tenant bindings decides for whom a credential is used, whatever a message says."""

import time
from pathlib import Path

import msgspec
import pytest
import structlog

from task_runner.named_credentials import CredentialKind, NamedCredential
from task_runner.providers import Providers
from task_runner.providers.credentials.bound import BindingFile
from task_runner.providers.credentials.choice import Credentials
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.tasks import Connection, TaskFault
from tests.support.bindings import bindings_of

CONNECTION = Connection(
    id=1,
    provider="microsoft_graph",
    external_tenant_id="aaaaaaaa-0000-4000-8000-000000000001",
    client_id="aaaaaaaa-0000-4000-8000-00000000000a",
    credential_ref="main",
    cloud="public",
)
OTHER = "bbbbbbbb-0000-4000-8000-00000000000b"
SETTINGS = ProviderSettings(
    credentials={
        "main": NamedCredential(
            name="main", kind=CredentialKind.SECRET, source="env:GRAPH_SECRET", client_id=CONNECTION.client_id
        )
    },
    credential_prefix="GRAPH_",
)


def read(path: Path) -> BindingFile:
    bindings = BindingFile(str(path))
    bindings.read()
    return bindings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bindings.json"
    path.write_bytes(bindings_of(7, CONNECTION))
    return path


def reason(bindings: BindingFile, tenant: int = 7, **changed: str) -> str | None:
    try:
        Credentials(SETTINGS, bindings).of(TenantConnection(tenant, msgspec.structs.replace(CONNECTION, **changed)))
    except TaskFault as fault:
        return fault.reason_code
    return None


def test_only_what_is_bound_gets_the_credential(file: Path) -> None:
    bindings = read(file)

    assert reason(bindings) is None
    assert reason(bindings, external_tenant_id=CONNECTION.external_tenant_id.upper()) is None
    assert reason(bindings, tenant=8) == "CREDENTIAL_NOT_FOR_TENANT"
    for changed in ({"external_tenant_id": OTHER}, {"client_id": OTHER}, {"cloud": "china"}):
        assert reason(bindings, **changed) == "CREDENTIAL_NOT_FOR_TENANT"


def test_nothing_is_bound_without_a_file() -> None:
    assert reason(BindingFile(None)) == "CREDENTIAL_NOT_FOR_TENANT"


@pytest.mark.parametrize("name", ["main", "unknown", "env:GRAPH_SECRET", "env:PATH", "file:/proc/self/environ"])
def test_without_a_binding_every_credential_gives_one_answer(name: str) -> None:
    assert reason(BindingFile(None), credential_ref=name) == "CREDENTIAL_NOT_FOR_TENANT"


def test_the_partners_tenant_is_read_for_the_bound_customer_only(file: Path) -> None:
    partner = msgspec.structs.replace(CONNECTION, external_tenant_id=OTHER)
    credentials = Credentials(SETTINGS, read(file))

    assert credentials.of(TenantConnection(7, partner, CONNECTION.external_tenant_id)).name == "main"
    with pytest.raises(TaskFault):
        credentials.of(TenantConnection(7, partner))
    with pytest.raises(TaskFault):
        credentials.of(TenantConnection(8, partner, CONNECTION.external_tenant_id))


def test_a_changed_file_counts_at_the_next_reading(file: Path) -> None:
    bindings = read(file)
    file.write_bytes(bindings_of(8, CONNECTION))
    bindings.read()

    assert reason(bindings) == "CREDENTIAL_NOT_FOR_TENANT"
    assert reason(bindings, tenant=8) is None


async def test_what_was_just_added_counts_for_the_next_run(file: Path) -> None:
    async with Providers(msgspec.structs.replace(SETTINGS, bindings_path=str(file))) as providers:
        use = TenantConnection(7, CONNECTION)
        assert not providers.bindings.allows(use)

        await providers.context_of_run(
            tenant_id=7, connection=CONNECTION, run_id=1, attempt=1, deadline=time.monotonic() + 10
        )

        assert providers.bindings.allows(use)


async def test_a_file_with_the_partners_own_tenant_binds_nothing(file: Path) -> None:
    partner = CONNECTION.external_tenant_id.upper()
    async with Providers(
        msgspec.structs.replace(SETTINGS, bindings_path=str(file), partner_tenant_id=partner)
    ) as providers:
        await providers.bindings.refresh()

        assert not providers.bindings.allows(TenantConnection(7, CONNECTION))


def test_a_file_that_cannot_be_used_is_a_problem_until_it_can(file: Path) -> None:
    content = file.read_bytes()
    bindings = read(file)
    assert bindings.problem is None

    file.write_text("[")
    bindings.read()
    bindings.read()
    assert "list of tenant bindings" in str(bindings.problem)
    file.unlink()
    bindings.read()
    assert bindings.problem == "does not exist"
    file.mkdir()
    bindings.read()
    assert bindings.problem is not None
    file.rmdir()
    file.write_bytes(content)
    bindings.read()
    assert bindings.problem is None


def test_the_same_problem_is_logged_once(file: Path) -> None:
    file.write_text("[")
    with structlog.testing.capture_logs() as logged:
        bindings = read(file)
        bindings.read()
        file.unlink()
        bindings.read()
        bindings.read()

    assert [line["event"] for line in logged] == ["bindings_unusable", "bindings_missing"]


def test_a_removed_file_binds_nothing_and_an_unusable_one_changes_nothing(file: Path) -> None:
    bindings = read(file)
    file.write_text("[")
    bindings.read()
    assert reason(bindings) is None

    file.unlink()
    bindings.read()
    assert reason(bindings) == "CREDENTIAL_NOT_FOR_TENANT"
