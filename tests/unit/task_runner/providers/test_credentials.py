"""Credential references: where secrets come from, and which are never handed out."""

import os
from pathlib import Path

import pytest

from task_runner.providers.credentials import resolve_credential
from task_runner.providers.settings import ProviderSettings
from task_runner.tasks import TaskFault

ANY = ProviderSettings()


def refused(reference: str, settings: ProviderSettings = ANY, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(TaskFault) as caught:
        resolve_credential(reference, settings, environment or {})
    assert caught.value.reason_code == "CREDENTIAL_MISSING"
    assert not caught.value.retryable
    return str(caught.value)


def test_a_secret_comes_from_the_environment() -> None:
    assert resolve_credential("env:MY_SECRET", ANY, {"MY_SECRET": " s3cret\n"}) == "s3cret"


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")

    assert resolve_credential(f"file:{tmp_path}/secret", ANY) == "s3cret"


@pytest.mark.parametrize("reference", ["", "env:", "file:", "vault:x", "MY_SECRET", ":x"])
def test_a_malformed_reference_is_refused(reference: str) -> None:
    refused(reference, environment={"MY_SECRET": "x"})


def test_a_variable_that_is_not_set_is_named() -> None:
    assert "MY_SECRET" in refused("env:MY_SECRET")


def test_an_empty_secret_is_missing() -> None:
    refused("env:MY_SECRET", environment={"MY_SECRET": "  "})


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_URL_FILE", "KAFKA_SASL_PASSWORD", "ONBOARDING_JWKS"])
def test_the_services_own_variables_are_never_handed_out(name: str) -> None:
    assert "x-secret" not in refused(f"env:{name}", environment={name: "x-secret"})


def test_a_prefix_restricts_the_variables() -> None:
    settings = ProviderSettings(credential_prefix="GRAPH_")

    refused("env:MY_SECRET", settings, {"MY_SECRET": "x"})
    assert resolve_credential("env:GRAPH_ONE", settings, {"GRAPH_ONE": "x"}) == "x"


def test_a_folder_restricts_the_files_also_through_links_and_dots(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside").write_text("x-secret")
    (inside / "link").symlink_to(tmp_path / "outside")
    (inside / "good").write_text("fine")
    settings = ProviderSettings(credential_directory=str(inside))

    assert resolve_credential(f"file:{inside}/good", settings) == "fine"
    for path in (tmp_path / "outside", inside / "link", inside / ".." / "outside"):
        assert "x-secret" not in refused(f"file:{path}", settings)


def test_missing_and_huge_files_folders_and_devices_are_refused(tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"x" * 70_000)

    for path in (tmp_path / "none", tmp_path, Path(os.devnull), tmp_path / "huge", "\0"):
        refused(f"file:{path}")


def test_a_binary_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfesecret")

    assert "secret" not in refused(f"file:{tmp_path}/binary")
