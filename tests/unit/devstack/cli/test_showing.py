"""Colours, tables, and the progress and summary of the demo."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from onboarding_devstack.cli.demo.customer import chosen_customer, customer_of
from onboarding_devstack.cli.demo.ending import next_steps, print_evidence, print_remedies
from onboarding_devstack.cli.demo.run import Outcome, steps_of
from onboarding_devstack.cli.demo.view import LiveView, PlainView, view_for
from onboarding_devstack.cli.exits import CommandError, ours
from onboarding_devstack.cli.look import duration
from onboarding_devstack.cli.report import TerminalReport, prefix
from onboarding_devstack.cli.screen import THEME, coloured
from onboarding_devstack.logs import LogFiles

CATALOGUE = [
    {"name": "app.consent", "title": "Consent", "step": 3, "required": True},
    {"name": "graph.connectivity", "title": "Graph answers", "step": 4, "required": True},
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.parametrize(
    ("stream", "variable", "expected"),
    [
        (Terminal(), None, True),
        (io.StringIO(), None, False),
        (Terminal(), ("NO_COLOR", "1"), False),
        (Terminal(), ("TERM", "dumb"), False),
        (io.StringIO(), ("FORCE_COLOR", "1"), True),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    stream: io.StringIO, variable: tuple[str, str] | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv(*variable)
    assert coloured(stream) is expected


def test_prefixes_of_all_processes_are_equally_wide() -> None:
    assert prefix("graph", False) == "graph          |"
    assert prefix("evidence-store", False) == "evidence-store |"
    assert prefix("graph", True) == "\x1b[36mgraph          |\x1b[0m"


@pytest.mark.parametrize(("seconds", "words"), [(8.9, "8 s"), (61, "1 min"), (7500, "2 h 5 min")])
def test_a_time_span_is_formatted_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def a_console() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, theme=THEME, width=200), written


def test_without_a_terminal_only_changes_are_printed_as_plain_lines() -> None:
    console, written = a_console()
    with view_for(console, steps_of(CATALOGUE)) as view:
        assert isinstance(view, PlainView)
        view.enter(3)
        for state in ("queued", "running", "running"):
            view.show_run(3, "app.consent", {"id": 5, "state": state})
        result = {"status": "fail", "reason_code": "CONSENT_MISSING", "message": "Not [bold] consented."}
        view.show_run(3, "app.consent", {"id": 5, "state": "succeeded", "result": result})
    assert written.getvalue().splitlines() == [
        "",
        "Step 3 of 5: Consent",
        "  app.consent                run 5  queued",
        "  app.consent                run 5  running",
        "  app.consent                run 5  fail CONSENT_MISSING Not [bold] consented.",
    ]


def test_a_running_task_shows_its_progress() -> None:
    console, written = a_console()
    view = PlainView(console, steps_of(CATALOGUE))
    progress = {"done": 1, "total": 3, "message": "Reading users"}
    view.show_run(4, "graph.connectivity", {"id": 6, "state": "running", "progress": progress})
    assert written.getvalue() == "  graph.connectivity         run 6  running (1 of 3: Reading users)\n"


def test_a_cancelled_run_shows_its_state_instead_of_a_status() -> None:
    console, written = a_console()
    PlainView(console, steps_of(CATALOGUE)).show_run(3, "app.consent", {"id": 5, "state": "cancelled", "result": {}})
    assert "run 5  cancelled" in written.getvalue()


def test_on_a_terminal_the_wizard_is_a_table_that_changes() -> None:
    console, written = a_console()
    view = LiveView(console, steps_of(CATALOGUE))
    view.enter(4)
    view.show_run(4, "graph.connectivity", {"id": 6, "state": "running"})
    console.print(view.live.get_renderable())
    shown = written.getvalue()
    assert "✔ 3. Consent" in shown
    assert "▶ 4. Connectivity and licences" in shown
    assert "· 5. Security baseline" in shown
    assert "running" in shown


EVIDENCE = {
    "id": 9,
    "task_type": "app.consent",
    "status": "ok",
    "reason_code": "CONSENT_OK",
    "operation_run_id": 4,
    "seal": "ab" * 32,
}
WHOLE = {"verified": True, "length": 9, "head": "cd" * 32, "break": None}


def test_the_evidence_table_shows_task_status_reason_run_and_seal() -> None:
    console, written = a_console()
    print_evidence(console, Outcome(evidence=[EVIDENCE], verification=WHOLE), 42)
    assert "9         app.consent  ok      CONSENT_OK   4    abababababababab" in written.getvalue()
    assert "The chain of evidence is whole: 9 items, the last seal is cdcdcdcdcdcdcdcd" in written.getvalue()


def test_a_broken_chain_is_shown_prominently() -> None:
    console, written = a_console()
    print_evidence(console, Outcome(verification={"verified": False, "break": {"position": 3}}), 42)
    assert "BROKEN" in written.getvalue()


@pytest.mark.parametrize(
    ("session", "verdicts", "verification", "good"),
    [
        ("completed", {"a": "ok", "b": "warn"}, WHOLE, True),
        ("in_progress", {"a": "ok"}, WHOLE, False),
        ("completed", {"a": "unknown"}, WHOLE, False),
        ("completed", {"a": "ok"}, {"verified": False}, False),
    ],
)
def test_a_completed_tenant_with_good_verdicts_and_verified_evidence_passes(
    session: str, verdicts: dict[str, str], verification: dict[str, object], good: bool
) -> None:
    assert Outcome({"status": session}, [], verdicts, [], verification).good is good


def test_next_steps_of_a_stopped_system_begin_with_its_start() -> None:
    lines = next_steps("http://127.0.0.1:2", 42, "onboarding token --user 7 --tenant 42", "onboarding up --detach")
    assert lines[2] == "  onboarding up --detach   # the same addresses and data"
    assert lines[3] == "  TOKEN=$(onboarding token --user 7 --tenant 42)"
    assert any("http://127.0.0.1:2/tenants/42/onboarding/evidence/verification" in line for line in lines)


def test_a_tenant_is_chosen_by_id_or_customer_name() -> None:
    assert chosen_customer("42").tenant == 42
    assert chosen_customer("42").control == {"relationships": []}
    assert chosen_customer("throttled").recorded == "throttled"
    assert chosen_customer("throttled").control["behaviour"] == "throttling"


@pytest.mark.parametrize("wanted", ["0", "-1", str(2**63), "no-such-customer", "4 2"])
def test_an_unknown_tenant_is_refused_with_the_possible_choices(wanted: str) -> None:
    with pytest.raises(CommandError, match=r"between 1 and|nor one of: broken-consent"):
        chosen_customer(wanted)


def test_the_remediation_of_every_task_not_ok_is_shown() -> None:
    screen, written = a_console()
    tasks = [
        {"task_type": "a", "status": "ok", "reason_code": "FINE", "remediation": None},
        {"task_type": "b", "status": "fail", "reason_code": "BROKEN", "remediation": "Mend it."},
    ]
    print_remedies(screen, Outcome(verdicts={"a": "ok", "b": "fail"}, tasks=tasks))
    text = written.getvalue()
    assert "BROKEN" in text and "Mend it." in text and "FINE" not in text


def test_a_tenant_has_one_constant_customer_of_its_own() -> None:
    assert customer_of(42) == customer_of(42) != customer_of(43)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our program as it lies in a checkout's environment, called from the checkout."""
    path = tmp_path / ".venv" / "bin" / "onboarding"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(path), "demo"])
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    return path


def test_suggested_commands_use_the_name_where_the_shell_finds_it(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert ours("down") == "onboarding down"


def test_suggested_commands_use_the_path_outside_the_shells_path(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert ours("down") == ".venv/bin/onboarding down"


def test_suggested_commands_ignore_the_path_entries_of_uv_run(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert ours("down") == ".venv/bin/onboarding down"


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_logs_continue_in_their_files_after_the_reader_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Gone())
    monkeypatch.setattr("sys.stderr", Gone())
    files = LogFiles(tmp_path)
    report = TerminalReport(files, show_logs=True)
    report.event("broker", "ready")
    report.log("broker", b"one")
    report.log("broker", b"two")
    files.close()
    assert (tmp_path / "broker.log").read_text() == "one\ntwo\n"
