"""The metrics of this service beside those that every service has."""

from prometheus_client import Counter, Histogram

DELAY = Histogram(
    "onboarding_evidence_delay_seconds",
    "From the end of a run until its evidence was recorded",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
CONTRADICTIONS = Counter(
    "onboarding_evidence_contradictions_total", "Repeated results that say something else than the first"
)
CHAIN_BREAKS = Counter(
    "onboarding_chain_breaks_total",
    "Verifications that found a chain of evidence broken; an anchored one may only have been given a wrong anchor",
    ["kind", "anchored"],
)
