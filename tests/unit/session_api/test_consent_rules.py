"""The changes that an answer to a consent link makes."""

from datetime import UTC, datetime, timedelta

import pytest

from session_api.domain.consent import ConsentAnswer, ConsentRequest, ConsentState, Judgement, judge, state_at

MADE = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
EXPIRES = MADE + timedelta(hours=24)
DURING, AFTER = MADE + timedelta(hours=1), EXPIRES
TENANT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
OTHER_TENANT = "6fa459ea-ee8a-4ca4-894e-db77e160355e"

ACCEPTED = ConsentAnswer(tenant=TENANT, admin_consent="True")
REFUSED = ConsentAnswer(error="consent_required", admin_consent="True", tenant=TENANT)
ELSEWHERE = ConsentAnswer(tenant=OTHER_TENANT, admin_consent="True")

OPEN, REPORTED, VERIFIED = ConsentState.OPEN, ConsentState.REPORTED, ConsentState.VERIFIED
DECLINED, WRONG_TENANT, EXPIRED = ConsentState.DECLINED, ConsentState.WRONG_TENANT, ConsentState.EXPIRED


def request(state: ConsentState = OPEN) -> ConsentRequest:
    return ConsentRequest(
        id=12,
        tenant_id=42,
        session_id=None,
        provider_connection_id=5,
        external_tenant_id=TENANT,
        state=state,
        created_at=MADE,
        created_by_user_id=7,
        expires_at=EXPIRES,
        answered_at=None,
        reported_at=None,
        verified_at=None,
        run_id=None,
    )


@pytest.mark.parametrize(
    ("before", "answer", "expected"),
    [
        (OPEN, ACCEPTED, Judgement(REPORTED, REPORTED)),
        (OPEN, REFUSED, Judgement(DECLINED, DECLINED)),
        (OPEN, ELSEWHERE, Judgement(WRONG_TENANT, WRONG_TENANT)),
        (DECLINED, ACCEPTED, Judgement(REPORTED, REPORTED)),
        (DECLINED, REFUSED, Judgement(DECLINED, DECLINED)),
        (DECLINED, ELSEWHERE, Judgement(WRONG_TENANT, WRONG_TENANT)),
        (WRONG_TENANT, ACCEPTED, Judgement(REPORTED, REPORTED)),
        (WRONG_TENANT, REFUSED, Judgement(DECLINED, WRONG_TENANT)),
        (REPORTED, ACCEPTED, Judgement(REPORTED, REPORTED)),
        (REPORTED, REFUSED, Judgement(DECLINED, REPORTED)),
        (REPORTED, ELSEWHERE, Judgement(WRONG_TENANT, REPORTED)),
        (VERIFIED, ACCEPTED, Judgement(REPORTED, VERIFIED)),
        (VERIFIED, REFUSED, Judgement(DECLINED, VERIFIED)),
    ],
)
def test_an_answer_takes_a_request_forward_only(
    before: ConsentState, answer: ConsentAnswer, expected: Judgement
) -> None:
    assert judge(request(before), answer, DURING) == expected


@pytest.mark.parametrize("before", [OPEN, DECLINED, WRONG_TENANT])
@pytest.mark.parametrize("answer", [ACCEPTED, REFUSED, ELSEWHERE])
def test_an_expired_link_takes_no_answer(before: ConsentState, answer: ConsentAnswer) -> None:
    assert judge(request(before), answer, AFTER) == Judgement(EXPIRED, before)


def test_a_reported_link_is_answered_alike_after_its_time() -> None:
    assert judge(request(REPORTED), ACCEPTED, AFTER) == Judgement(REPORTED, REPORTED)


@pytest.mark.parametrize(
    "answer",
    [
        ConsentAnswer(),
        ConsentAnswer(tenant=TENANT),
        ConsentAnswer(admin_consent="True"),
        ConsentAnswer(tenant=TENANT, admin_consent="False"),
        ConsentAnswer(tenant=TENANT, admin_consent=""),
    ],
)
def test_an_answer_that_claims_nothing_changes_nothing(answer: ConsentAnswer) -> None:
    assert judge(request(), answer, DURING) == Judgement(None, OPEN)


def test_an_error_without_text_is_a_refusal() -> None:
    assert judge(request(), ConsentAnswer(tenant=TENANT, admin_consent="True", error=""), DURING).state is DECLINED


@pytest.mark.parametrize(("tenant", "consent"), [(TENANT.upper(), "True"), (TENANT, "true"), (TENANT, "TRUE")])
def test_upper_and_lower_case_are_alike(tenant: str, consent: str) -> None:
    assert judge(request(), ConsentAnswer(tenant=tenant, admin_consent=consent), DURING).state is REPORTED


@pytest.mark.parametrize("tenant", ["", "contoso.onmicrosoft.com", f"{{{TENANT}}}", f" {TENANT}"])
def test_anything_but_the_expected_tenant_is_another(tenant: str) -> None:
    assert judge(request(), ConsentAnswer(tenant=tenant, admin_consent="True"), DURING).state is WRONG_TENANT


def test_an_open_request_expires_at_its_time() -> None:
    assert state_at(request(), EXPIRES - timedelta(microseconds=1)) is OPEN
    assert state_at(request(), EXPIRES) is EXPIRED


@pytest.mark.parametrize("state", [REPORTED, VERIFIED, DECLINED, WRONG_TENANT])
def test_an_answered_request_keeps_its_state_after_its_time(state: ConsentState) -> None:
    assert state_at(request(state), AFTER) is state
