"""What `doctor` makes of the metrics pages and of the database's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from onboarding_devstack.cli.work_checks import of_clock, of_credentials, of_metrics, of_tasks

SESSION_API = "onboarding_outbox_age_seconds 0.0\nonboarding_dead_letters_kept 0.0\n"
TASK_RUNNER = SESSION_API + "onboarding_queue_age_seconds 0.5\n"
WELL: dict[str, str | None] = {"session-api": SESSION_API, "task-runner": TASK_RUNNER, "evidence-store": SESSION_API}


def bad(**changed: str | None) -> dict[str, str]:
    """Name → finding of each check that fails when pages differ from those of a healthy system."""
    pages = WELL | {name.replace("_", "-"): page for name, page in changed.items()}
    return {finding.name: finding.finding for finding in of_metrics(pages, "") if not finding.ok}


def test_a_system_without_waiting_work_passes() -> None:
    assert bad() == {}


def test_dead_letters_are_told_with_their_service() -> None:
    kept = TASK_RUNNER.replace("letters_kept 0.0", "letters_kept 3.0")

    assert bad(task_runner=kept) == {"dead letters": "3 of task-runner"}


def test_a_message_that_waits_for_long_is_told() -> None:
    expected = {"messages to publish": "one of evidence-store has waited 31 s"}

    assert bad(evidence_store=SESSION_API.replace("age_seconds 0.0", "age_seconds 31.0")) == expected


def test_a_run_that_waits_for_long_is_told() -> None:
    late = TASK_RUNNER.replace("0.5", "61.0")

    assert bad(task_runner=late) == {"runs that are due": "one of task-runner has waited 61 s"}


def test_a_service_without_a_page_is_unknown() -> None:
    assert bad(task_runner=None) == {
        "dead letters": "unknown of task-runner",
        "messages to publish": "unknown of task-runner",
        "runs that are due": "unknown of task-runner",
    }


def test_a_page_without_its_database_is_unknown() -> None:
    assert bad(session_api="onboarding_database_up 0.0\n") == {
        "dead letters": "unknown of session-api",
        "messages to publish": "unknown of session-api",
    }


@pytest.mark.parametrize(
    ("offset", "ok", "text"),
    [
        (0.01, True, "that of the database"),
        (4.0, True, "the database is 4.0 s ahead of this machine"),
        (-6.0, False, "the database is 6.0 s behind this machine"),
        (None, False, "unknown: the database does not respond"),
    ],
)
def test_a_clock_may_differ_by_five_seconds(offset: float | None, ok: bool, text: str) -> None:
    finding = of_clock(offset)

    assert (finding.ok, finding.finding) == (ok, text)
    assert bool(finding.remedy) is not ok


@pytest.mark.parametrize(
    ("days", "ok", "text"),
    [(30, True, "ends on 2026-12-24, in 30 days"), (29, False, "ends on 2026-12-23, in 29 days"),
     (0, False, "ended on 2026-11-24")],
)  # fmt: skip
def test_a_certificate_must_last_for_thirty_days(days: int, ok: bool, text: str) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    end = (now + timedelta(days=days)).timestamp()
    page = f'onboarding_credential_expires_at_seconds{{credential="graph-main"}} {end}\n'

    [finding] = of_credentials(page, now)
    assert (finding.name, finding.ok, finding.finding) == ("certificate of credential graph-main", ok, text)


def test_without_certificates_there_is_nothing_to_find() -> None:
    assert [*of_credentials(TASK_RUNNER, datetime.now(UTC)), *of_credentials(None, datetime.now(UTC))] == []


def ready(**data: object) -> dict[str, object]:
    return {"status": "UP", "checks": [{"name": "database", "status": "UP"}, {"name": "tasks", "data": data}]}


def test_usable_tasks_are_counted() -> None:
    finding = of_tasks(ready(installed=14, problems=[]), "")
    assert (finding.ok, finding.finding) == (True, "14 installed, all usable")


def test_a_task_that_cannot_be_used_is_told_with_its_problem() -> None:
    finding = of_tasks(ready(installed=14, problems=["Task 'a.b': no URL."]), " --data d")
    assert (finding.ok, finding.finding) == (False, "Task 'a.b': no URL.")
    assert finding.remedy.endswith(" restart task-runner --data d")


@pytest.mark.parametrize("report", [None, [], {"checks": []}, {"checks": [{"name": "tasks"}]}])
def test_a_runner_that_says_nothing_of_its_tasks_is_unknown(report: object) -> None:
    finding = of_tasks(report, "")
    assert (finding.ok, finding.finding) == (False, "unknown: task-runner does not say")
