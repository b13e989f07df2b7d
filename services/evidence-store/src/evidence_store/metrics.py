"""The metrics of evidence-store, in addition to those of every service."""

from prometheus_client import Counter

from onboarding_shared.telemetry.frequent_metrics import FrequentHistogram

DELAY = FrequentHistogram(
    "onboarding_evidence_delay_seconds",
    "Time from the end of a run until its evidence is recorded",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
CONTRADICTIONS = Counter(
    "onboarding_evidence_contradictions_total", "Repeated results that differ from the recorded result"
)
CHAIN_BREAKS = Counter(
    "onboarding_chain_breaks_total",
    "Verifications that found a break in a chain; with anchored=yes, the anchor of the request may be wrong instead",
    ["kind", "anchored"],
)
