"""What operators see of a process that answered."""

from datetime import UTC, datetime

from onboarding_shared.contracts.service_states import CheckState, GaugeState, ServiceState
from session_api.domain.services import ServiceReport, TopicLag, report_of

STARTED = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
COMMANDS = "onboarding.task-commands.v1"
CONNECTED = GaugeState("onboarding_consumer_up", 1.0)
LAG = GaugeState("onboarding_consumer_lag_messages", 5.0, COMMANDS)


def state(*gauges: GaugeState, ready: bool = True) -> ServiceState:
    return ServiceState(
        service="task-runner",
        version="1.2.3",
        instance="host/7",
        started_at=STARTED,
        ready=ready,
        checks=[CheckState("database", "UP")],
        gauges=gauges,
    )


def test_every_figure_comes_from_its_gauge() -> None:
    gauges = (
        GaugeState("onboarding_outbox_messages", 2.0),
        GaugeState("onboarding_outbox_age_seconds", 1.5),
        GaugeState("onboarding_relay_active", 0.0),
        CONNECTED,
        LAG,
        GaugeState("onboarding_dead_letters_kept", 4.0),
        GaugeState("onboarding_runs_under_way", 3.0),
        GaugeState("onboarding_worker_slots", 256.0),
        GaugeState("onboarding_queue_runs", 6.0),
        GaugeState("onboarding_queue_age_seconds", 0.25),
        GaugeState("onboarding_runs_active", 9.0, "waiting"),
    )
    assert report_of("task-runner", state(*gauges)) == ServiceReport(
        "task-runner",
        instance="host/7",
        version="1.2.3",
        started_at=STARTED,
        ready=True,
        checks=[CheckState("database", "UP")],
        publishes=False,
        outbox_messages=2,
        outbox_age_seconds=1.5,
        consumer_lag=[TopicLag(COMMANDS, 5)],
        dead_letters=4,
        leases=3,
        worker_slots=256,
        queue_runs=6,
        queue_age_seconds=0.25,
    )


def test_what_a_process_does_not_know_is_unknown() -> None:
    report = report_of("task-runner", state(ready=False))
    assert (report.ready, report.publishes, report.outbox_messages, report.consumer_lag) == (False, None, None, None)


def test_the_lag_is_unknown_while_the_consumer_is_away() -> None:
    assert report_of("task-runner", state(GaugeState("onboarding_consumer_up", 0.0), LAG)).consumer_lag is None


def test_the_state_of_another_service_is_not_believed() -> None:
    report = report_of("evidence-store", state(CONNECTED))
    assert (report.error, report.ready) == ("The address is that of another service: task-runner", False)
