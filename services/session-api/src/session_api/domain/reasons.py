"""The reason codes of results: those of the product, and those that task packages declare."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from onboarding_shared.contracts.reason_codes import REASONS, Reason
from onboarding_shared.contracts.task_runner import DeclaredReason


def with_declared(declared: Iterable[DeclaredReason]) -> Mapping[str, Reason]:
    """Return all reason codes, the product's first. A code that is declared again keeps its first meaning."""
    reasons = dict(REASONS)
    for reason in declared:
        reasons.setdefault(
            reason.code,
            Reason(
                code=reason.code,
                status=reason.status,
                meaning=reason.meaning,
                retryable=reason.retryable,
                remediation=reason.remediation,
                link=reason.link,
            ),
        )
    return MappingProxyType(reasons)
