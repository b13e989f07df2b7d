"""The metrics of this service beside those that every service has."""

from prometheus_client import Counter

STARTS = Counter("onboarding_starts_total", "Starts of tasks by what was decided", ["outcome"])
COMMANDS_REPEATED = Counter("onboarding_commands_repeated_total", "Runs whose silent runner was asked again")
SWEEP_FAILURES = Counter("onboarding_sweep_failures_total", "Looks for silent runs that failed")
READS_FAILED = Counter("onboarding_evidence_reads_failed_total", "Reads of evidence that evidence-store did not answer")
