"""Files and variables with credentials, and who may use which credential."""

import os
import threading
import time
from pathlib import Path

import msgspec
import pytest

from onboarding_shared.contracts.clouds import CLOUDS
from task_runner.named_credentials import CredentialKind, NamedCredential
from task_runner.providers.credentials import proof
from task_runner.providers.credentials.choice import Credentials
from task_runner.providers.credentials.files import UnreadableCredential, read_file, read_variable
from task_runner.providers.credentials.proof import read_text
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.tasks import Connection, TaskFault
from task_runner.testing import EveryTenant

APPLICATION = "aaaaaaaa-0000-4000-8000-00000000000a"
MAIN = NamedCredential(
    name="main",
    kind=CredentialKind.SECRET,
    source="env:GRAPH_SECRET",
    client_id=APPLICATION,
    tenants=frozenset({7}),
    clouds=frozenset({"public"}),
)
CONNECTION = Connection(
    id=1,
    provider="microsoft_graph",
    external_tenant_id="aaaaaaaa-0000-4000-8000-000000000001",
    client_id=APPLICATION.upper(),
    credential_ref="main",
    cloud="public",
)


def unreadable(where: str, directory: str | None = None) -> str:
    with pytest.raises(UnreadableCredential) as caught:
        read_file(where, directory)
    assert "x-secret" not in str(caught.value)
    return str(caught.value)


def refused(tenant: int = 7, settings: ProviderSettings | None = None, **changed: str) -> str:
    used = settings or ProviderSettings(credentials={"main": MAIN})
    with pytest.raises(TaskFault) as caught:
        Credentials(used, EveryTenant()).of(TenantConnection(tenant, msgspec.structs.replace(CONNECTION, **changed)))
    assert not caught.value.retryable
    return caught.value.reason_code


def test_a_secret_comes_from_the_environment() -> None:
    assert read_variable("MY_SECRET", {"MY_SECRET": " s3cret\n"}) == "s3cret"


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")

    assert read_file(f"{tmp_path}/secret") == "s3cret"


@pytest.mark.parametrize("environment", [{}, {"MY_SECRET": "  "}])
def test_a_variable_without_a_secret_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(UnreadableCredential):
        read_variable("MY_SECRET", environment)


def test_a_folder_restricts_the_files_also_through_links_and_dots(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside").write_text("x-secret")
    (inside / "link").symlink_to(tmp_path / "outside")
    (inside / "good").write_text("fine")

    assert read_file(f"{inside}/good", str(inside)) == "fine"
    for path in (tmp_path / "outside", inside / "link", inside / ".." / "outside"):
        unreadable(str(path), str(inside))


def test_what_is_no_small_file_with_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"x-secret" * 10_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfex-secret")
    (tmp_path / "empty").write_text(" \n")

    for name in ("none", "", "huge", "binary", "empty", "\0"):
        unreadable(f"{tmp_path}/{name}")


def test_a_pipe_or_device_never_blocks(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to("/proc/self/environ")
    began = time.monotonic()

    for path in (str(pipe), os.devnull, "/dev/zero", "/proc/kmsg", "/proc/self/environ", f"{tmp_path}/link"):
        unreadable(path)
    assert time.monotonic() - began < 1


async def test_why_a_credential_is_unreadable_stays_in_the_log() -> None:
    with pytest.raises(TaskFault) as caught:
        await read_text("main", lambda: read_file("/nowhere/at/all"))

    assert caught.value.reason_code == "CREDENTIAL_MISSING"
    assert "main" in str(caught.value)
    assert "/nowhere" not in str(caught.value)


async def test_a_file_that_never_answers_is_a_missing_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(proof, "READ_SECONDS", 0.1)

    def hang() -> str:
        release.wait()
        return "late"

    with pytest.raises(TaskFault) as caught:
        await read_text("main", hang)
    release.set()

    assert caught.value.reason_code == "CREDENTIAL_MISSING"


async def test_a_credential_is_read_for_each_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    credential = Credentials(ProviderSettings(credentials={"main": MAIN}), EveryTenant()).of(
        TenantConnection(7, CONNECTION)
    )

    for secret in ("s3cret-old", "s3cret-new"):
        monkeypatch.setenv("GRAPH_SECRET", secret)
        proof = await credential.prove("https://login.example/token")
        assert proof.members == {"client_secret": secret}
        assert proof.hidden == (secret,)
        assert secret not in repr(proof)


def test_only_allowed_tenants_clouds_and_applications_use_it() -> None:
    assert refused(tenant=8) == "CREDENTIAL_NOT_ALLOWED"
    assert [refused(cloud=cloud) for cloud in CLOUDS if cloud != "public"] == ["CREDENTIAL_NOT_ALLOWED"] * 3
    assert refused(client_id="bbbbbbbb-0000-4000-8000-00000000000b") == "CREDENTIAL_CLIENT_MISMATCH"


@pytest.mark.parametrize("reference", ["other", "", "Main", "vault:x", ":x", "s3cret~Value"])
def test_an_unknown_name_is_missing(reference: str) -> None:
    assert refused(credential_ref=reference) == "CREDENTIAL_MISSING"


@pytest.mark.parametrize("reference", ["env:GRAPH_SECRET", "file:/run/secrets/graph", "env:", "file:"])
def test_old_references_are_refused_by_default(reference: str) -> None:
    assert refused(credential_ref=reference) == "CREDENTIAL_NOT_ALLOWED"


def test_a_prefix_allows_variables_and_no_files() -> None:
    settings = ProviderSettings(credential_prefix="GRAPH_")

    assert refused(settings=settings, credential_ref="env:MY_SECRET") == "CREDENTIAL_NOT_ALLOWED"
    assert refused(settings=settings, credential_ref="file:/run/secrets/graph") == "CREDENTIAL_NOT_ALLOWED"
    allowed = msgspec.structs.replace(CONNECTION, credential_ref="env:GRAPH_MAIN")
    assert Credentials(settings, EveryTenant()).of(TenantConnection(8, allowed)).name == "env:GRAPH_MAIN"


def test_a_folder_allows_files_and_no_variables() -> None:
    settings = ProviderSettings(credential_directory="/run/secrets")

    assert refused(settings=settings, credential_ref="env:GRAPH_SECRET") == "CREDENTIAL_NOT_ALLOWED"
    allowed = msgspec.structs.replace(CONNECTION, credential_ref="file:/run/secrets/graph")
    assert Credentials(settings, EveryTenant()).of(TenantConnection(8, allowed)).name == "file:/run/secrets/graph"


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_URL_FILE", "KAFKA_SASL_PASSWORD", "ONBOARDING_JWKS"])
def test_the_services_own_variables_are_never_handed_out(name: str) -> None:
    settings = ProviderSettings(credential_prefix=name[:4])

    assert refused(settings=settings, credential_ref=f"env:{name}") == "CREDENTIAL_NOT_ALLOWED"
