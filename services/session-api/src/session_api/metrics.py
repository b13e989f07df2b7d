"""The metrics of session-api, in addition to those of every service."""

from prometheus_client import Counter

from onboarding_shared.telemetry.metrics import Gauge

STARTS = Counter("onboarding_starts_total", "Task starts by outcome", ["outcome"])
COMMANDS_REPEATED = Counter(
    "onboarding_commands_repeated_total", "Runs whose command was sent again because task-runner did not respond"
)
SWEEP_FAILURES = Counter("onboarding_sweep_failures_total", "Failed iterations of the resend sweeper; each is retried")
TASK_TYPES_HELD = Counter(
    "onboarding_task_types_held_total", "Announcements that would have made a required task type less strict"
)
STREAMS_OPEN = Gauge("onboarding_streams_open", "Streams of events that are open")
STREAMS_CUT_OFF = Counter(
    "onboarding_streams_cut_off_total", "Streams ended because their client did not read its events"
)
READS_FAILED = Counter("onboarding_evidence_reads_failed_total", "Failed requests to evidence-store")
