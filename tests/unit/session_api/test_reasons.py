"""Reason codes of task packages beside those of the product."""

from onboarding_shared.contracts.reason_codes import REASONS
from onboarding_shared.contracts.task_runner import DeclaredReason
from onboarding_shared.contracts.types import CheckStatus
from session_api.domain.reasons import with_declared


def reason(code: str, meaning: str = "The tenant has no domain.") -> DeclaredReason:
    return DeclaredReason(code=code, status=CheckStatus.FAIL, meaning=meaning, remediation="Verify one.")


def test_a_declared_code_has_its_words() -> None:
    added = with_declared([reason("DOMAINS_NONE")])["DOMAINS_NONE"]

    assert (added.status, added.meaning, added.retryable, added.remediation, added.link) == (
        "fail",
        "The tenant has no domain.",
        False,
        "Verify one.",
        None,
    )


def test_a_code_of_the_product_keeps_its_words() -> None:
    reasons = with_declared([reason("GRAPH_THROTTLED")])

    assert reasons["GRAPH_THROTTLED"] == REASONS["GRAPH_THROTTLED"]
    assert len(reasons) == len(REASONS)


def test_a_code_that_is_declared_twice_keeps_its_first_words() -> None:
    reasons = with_declared([reason("DOMAINS_NONE"), reason("DOMAINS_NONE", "Another.")])

    assert reasons["DOMAINS_NONE"].meaning == "The tenant has no domain."
