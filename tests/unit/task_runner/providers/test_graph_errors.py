"""The reason codes of refusals by Graph and by the token service."""

from typing import Any

import pytest

from task_runner.providers.graph_errors import GraphRefused, refusal, token_refusal
from task_runner.tasks import CannotTell, TaskFault


def body(code: str = "Code", message: str = "Text.") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("status", "sent", "reason"),
    [
        (400, body(), "GRAPH_REQUEST_REJECTED"),
        (401, body(), "GRAPH_FORBIDDEN"),
        (403, body(), "GRAPH_FORBIDDEN"),
        (403, None, "GRAPH_FORBIDDEN"),
        (404, body(), "GRAPH_NOT_FOUND"),
        (302, None, "GRAPH_REDIRECTED"),
        (400, body("AadPremiumLicenseRequired"), "NOT_LICENSED"),
        (403, body("AccessDenied", "Your tenant is not licensed for this feature."), "NOT_LICENSED"),
        (403, body("Authentication_RequestFromNonPremiumTenantOrB2CTenant"), "NOT_LICENSED"),
    ],
)
def test_a_refusal_for_good_is_an_unknown_answer(status: int, sent: Any, reason: str) -> None:
    error = refusal(status, "https://graph/x", sent, "One.Read", None)

    assert isinstance(error, GraphRefused)
    assert (error.reason_code, error.http_status) == (reason, status)


def test_a_missing_permission_is_named() -> None:
    error = refusal(403, "https://graph/x", body(), "Policy.Read.All", None)

    assert "Policy.Read.All" in str(error)
    assert error.payload["missing_permission"] == "Policy.Read.All"


def test_what_is_not_licensed_is_not_applicable() -> None:
    error = refusal(400, "https://graph/x", body("AadPremiumLicenseRequired"), None, None)

    assert error.payload["applicable"] is False


@pytest.mark.parametrize(
    ("status", "reason"),
    [(429, "GRAPH_THROTTLED"), (500, "GRAPH_UNAVAILABLE"), (503, "GRAPH_UNAVAILABLE"), (504, "GRAPH_UNAVAILABLE")],
)
def test_a_passing_fault_is_retryable_and_keeps_the_asked_wait(status: int, reason: str) -> None:
    error = refusal(status, "https://graph/x", body(), None, 7.0)

    assert isinstance(error, TaskFault)
    assert (error.reason_code, error.retryable, error.retry_after) == (reason, True, 7.0)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("65001", "CONSENT_MISSING"),
        ("700016", "CONSENT_MISSING"),
        ("7000229", "CONSENT_MISSING"),
        ("700082", "CREDENTIAL_EXPIRED"),
        ("7000222", "CREDENTIAL_EXPIRED"),
        ("7000215", "CREDENTIAL_INVALID"),
        ("50020", "GUEST_OR_GROUP_MISSING"),
        ("50177", "GUEST_OR_GROUP_MISSING"),
        ("53003", "BLOCKED_BY_CONDITIONAL_ACCESS"),
        ("5000224", "TENANT_GONE"),
        ("90002", "TENANT_GONE"),
        ("900023", "TENANT_UNAVAILABLE"),
        ("99999", "TOKEN_REFUSED"),
    ],
)
def test_a_token_error_has_its_reason(number: str, reason: str) -> None:
    error = token_refusal("invalid_client", f"AADSTS{number}: Something. Trace ID: 1")

    assert isinstance(error, CannotTell)
    assert (error.reason_code, error.payload["aadsts"]) == (reason, number)


def test_an_oauth_error_without_a_number_is_a_refusal() -> None:
    assert token_refusal("invalid_client", "").reason_code == "TOKEN_REFUSED"


def test_a_token_service_that_is_busy_is_a_passing_fault() -> None:
    error = token_refusal("temporarily_unavailable", "AADSTS90033: A transient error has occurred.")

    assert isinstance(error, TaskFault)
    assert (error.reason_code, error.retryable) == ("GRAPH_UNAVAILABLE", True)
