"""Files, back-off, log rendering, data folder, development tokens."""

import json
from pathlib import Path

import pytest

from onboarding_devstack.child import how_it_ended
from onboarding_devstack.files import read_json, write_json
from onboarding_devstack.identity import AUDIENCE, ISSUER, PERMISSIONS, Identity
from onboarding_devstack.logs import LogFiles, rendered, tail
from onboarding_devstack.place import AlreadyRunningError, data_folder, exclusive
from onboarding_devstack.supervisor import Backoff
from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.identity import Authenticator, Permissions


def test_a_file_that_is_no_json_object_reads_as_empty(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"a": ')
    (tmp_path / "list.json").write_text("[1]")
    assert read_json(tmp_path / "half.json") == read_json(tmp_path / "list.json") == {}


def test_a_replaced_file_is_always_private_without_temporary_files(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    write_json(tmp_path / "a.json", {"x": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600
    assert read_json(tmp_path / "a.json") == {"x": 2}


def test_the_restart_delay_of_a_child_grows_to_ten_seconds() -> None:
    backoff = Backoff()
    assert [backoff.after(0.1) for _ in range(8)] == [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0]


def test_a_child_that_lived_long_is_started_again_at_once() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(0.1)
    assert backoff.after(31.0) == 0.0


def test_a_json_log_line_shows_time_level_event_and_fields() -> None:
    line = json.dumps(
        {
            "timestamp": "2026-11-24T17:23:14.088123Z",
            "level": "info",
            "event": "run finished",
            "service": "task-runner",
            "run_id": 7,
        }
    )
    assert rendered(line) == "17:23:14.088 info    run finished run_id=7"


def test_an_exception_is_shown_below_its_json_log_line() -> None:
    line = json.dumps({"timestamp": "2026-11-24T17:23:14Z", "level": "error", "event": "no", "exception": "Trace\nend"})
    assert rendered(line) == "17:23:14Z error   no\nTrace\nend"


@pytest.mark.parametrize("line", ["listening on 127.0.0.1", "{half", '{"no": "event"}', ""])
def test_any_other_line_is_shown_as_it_is(line: str) -> None:
    assert rendered(line) == line


def test_logs_are_stored_unchanged_and_their_end_is_readable(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    for number in range(100):
        files.write("broker", f"line {number} \xff".encode("latin-1"))
    files.close()
    assert tail(tmp_path / "broker.log", 2) == ["line 98 �", "line 99 �"]
    assert tail(tmp_path / "other.log", 2) == []


def test_the_data_folder_is_option_then_variable_then_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "services" / "session-api").mkdir(parents=True)
    (checkout / "services" / "session-api" / "pyproject.toml").touch()
    (checkout / "uv.lock").touch()
    (checkout / "docs").mkdir()
    monkeypatch.chdir(checkout / "docs")
    monkeypatch.delenv("ONBOARDING_HOME", raising=False)
    assert data_folder() == checkout / ".onboarding"
    monkeypatch.setenv("ONBOARDING_HOME", str(tmp_path / "home"))
    assert data_folder() == tmp_path / "home"
    assert data_folder(Path("here")) == checkout / "docs" / "here"


def test_outside_a_checkout_the_data_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ONBOARDING_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert data_folder().name == "onboarding"


def test_a_locked_folder_is_refused_until_it_is_released(tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(AlreadyRunningError), exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass


async def test_a_development_token_is_believed_by_the_services(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    identity.ensure()
    settings = IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER, audience=AUDIENCE)
    caller = await Authenticator(settings).authenticate(identity.token(7, [42, 43], ["onboarding.read"]))
    assert (caller.user_id, caller.permissions) == (7, {42: {"onboarding.read"}, 43: {"onboarding.read"}})


def test_a_development_token_can_carry_every_permission_there_is() -> None:
    assert set(PERMISSIONS) == set(Permissions.ALL)


def test_the_key_pair_is_made_once(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    identity.ensure()
    first = identity.private_key.read_text()
    identity.ensure()
    assert identity.private_key.read_text() == first
    assert "d" not in json.loads(identity.jwks.read_text())["keys"][0]


@pytest.mark.parametrize(("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL"), (-15, "SIGTERM")])
def test_the_end_of_a_process_is_described_in_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words
