"""The reason codes of refusals by Graph and by the token service."""

from typing import Any

import pytest

from task_runner.providers.graph_errors import (
    CredentialPending,
    GraphRefused,
    SignInRefused,
    refusal,
    token_refusal,
    token_refusal_in,
)
from task_runner.tasks import CannotTell, TaskFault


def body(code: str = "Code", message: str = "Text.") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("status", "sent", "reason"),
    [
        (400, body(), "GRAPH_REQUEST_REJECTED"),
        (401, body(), "GRAPH_FORBIDDEN"),
        (403, body(), "GRAPH_FORBIDDEN"),
        (404, body("Request_ResourceNotFound"), "GRAPH_NOT_FOUND"),
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


@pytest.mark.parametrize(
    ("status", "sent"),
    [(401, None), (403, None), (403, {"error": "text"}), (404, None), (404, body("UnknownError", "<!DOCTYPE html>"))],
)
def test_a_refusal_without_a_code_of_microsoft_graph_comes_from_between(status: int, sent: Any) -> None:
    error = refusal(status, "https://graph/x", sent, "One.Read", None)

    assert isinstance(error, TaskFault)
    assert (error.reason_code, error.retryable) == ("GRAPH_UNAVAILABLE", True)


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
        (65001, "CONSENT_MISSING"),
        (700016, "CONSENT_MISSING"),
        (7000229, "CONSENT_MISSING"),
        (7000112, "CONSENT_DISABLED"),
        (65004, "CONSENT_DECLINED"),
        (90093, "CONSENT_NEEDS_ADMIN"),
        (90094, "CONSENT_NEEDS_ADMIN"),
        (650051, "SERVICE_PRINCIPAL_CONFLICT"),
        (650052, "RESOURCE_NOT_IN_TENANT"),
        (500011, "RESOURCE_NOT_IN_TENANT"),
        (50011, "REDIRECT_URI_MISMATCH"),
        (700082, "CREDENTIAL_EXPIRED"),
        (7000222, "CREDENTIAL_EXPIRED"),
        (7000215, "CREDENTIAL_INVALID"),
        (7000216, "CREDENTIAL_INVALID"),
        (7000218, "CREDENTIAL_INVALID"),
        (700024, "ASSERTION_NOT_IN_TIME"),
        (50020, "GUEST_OR_GROUP_MISSING"),
        (50034, "GUEST_OR_GROUP_MISSING"),
        (50177, "GUEST_OR_GROUP_MISSING"),
        (50057, "ACCOUNT_DISABLED"),
        (50076, "MFA_REQUIRED"),
        (50079, "MFA_REQUIRED"),
        (50158, "MFA_REQUIRED"),
        (53003, "BLOCKED_BY_CONDITIONAL_ACCESS"),
        (530003, "BLOCKED_BY_CONDITIONAL_ACCESS"),
        (700003, "BLOCKED_BY_CONDITIONAL_ACCESS"),
        (9002313, "TOKEN_REQUEST_INVALID"),
        (5000224, "TENANT_GONE"),
        (90002, "TENANT_GONE"),
        (50059, "TENANT_UNAVAILABLE"),
        (900023, "TENANT_UNAVAILABLE"),
        (99999, "TOKEN_REFUSED"),
    ],
)
def test_a_token_error_has_its_reason(number: int, reason: str) -> None:
    by_text = token_refusal("invalid_client", f"AADSTS{number}: Something. Trace ID: 1")
    by_code = token_refusal("invalid_client", "Something.", [number])

    for error in (by_text, by_code):
        assert isinstance(error, CannotTell)
        assert (error.reason_code, error.payload["aadsts"]) == (reason, str(number))


def test_an_unregistered_certificate_is_tried_again() -> None:
    error = token_refusal("invalid_client", "AADSTS700027: The certificate is not registered.")

    assert isinstance(error, CredentialPending)
    assert (error.reason_code, error.retryable) == ("CERTIFICATE_NOT_REGISTERED", True)


def test_the_list_of_numbers_counts_more_than_the_text() -> None:
    assert token_refusal("invalid_client", "AADSTS50034: No.", [7000215]).reason_code == "CREDENTIAL_INVALID"


def test_of_several_numbers_a_known_one_counts() -> None:
    error = token_refusal("invalid_client", "", [123456, 7000112])

    assert isinstance(error, SignInRefused)
    assert (error.reason_code, error.aadsts) == ("CONSENT_DISABLED", "7000112")


@pytest.mark.parametrize(
    "codes", [None, [], "7000215", {"7000215": 1}, ["7000215"], [True], [-1], [7000215.0], [None, []]]
)
def test_a_malformed_list_of_numbers_leaves_the_text(codes: Any) -> None:
    body = {"error": "invalid_client", "error_description": "AADSTS7000222: Expired.", "error_codes": codes}

    error = token_refusal_in(body)

    assert error is not None
    assert error.reason_code == "CREDENTIAL_EXPIRED"


@pytest.mark.parametrize("body", [None, [], ["error"], "error", {"access_token": "x"}])
def test_a_body_without_an_error_is_no_refusal(body: Any) -> None:
    assert token_refusal_in(body) is None


@pytest.mark.parametrize("error", [None, 7, {"code": "x"}, ["x"], ""])
def test_an_error_of_another_type_is_refused_all_the_same(error: Any) -> None:
    refusal = token_refusal_in({"error": error, "error_description": 7, "error_codes": [7000215]})

    assert refusal is not None
    assert refusal.reason_code == "CREDENTIAL_INVALID"


def test_an_oauth_error_without_a_number_is_a_refusal() -> None:
    assert token_refusal("invalid_client", "").reason_code == "TOKEN_REFUSED"


def test_a_token_service_that_is_busy_is_a_passing_fault() -> None:
    error = token_refusal("temporarily_unavailable", "AADSTS90033: A transient error has occurred.")

    assert isinstance(error, TaskFault)
    assert (error.reason_code, error.retryable) == ("GRAPH_UNAVAILABLE", True)
