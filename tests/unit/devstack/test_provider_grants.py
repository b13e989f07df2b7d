"""The requests that the provider of the embedded system accepts, and the limits of its codes."""

from collections.abc import Mapping

import pytest

from onboarding_devstack.provider.grants import (
    MOST_KEPT,
    NotRegistered,
    Refused,
    Request,
    Signed,
    Tickets,
    chosen,
    fields,
    read_request,
    redeem,
    redirect_of,
)
from onboarding_devstack.provider.people import PEOPLE

REDIRECT = "http://127.0.0.1:20004/app/"
# The pair of RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
QUERY = {
    "client_id": "onboarding-web-application",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid profile",
    "state": "s",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
ASKED = Request(REDIRECT, "s", "n", CHALLENGE)


def form(code: str, **changed: str) -> Mapping[str, str]:
    usual = {
        "grant_type": "authorization_code",
        "client_id": "onboarding-web-application",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    return usual | changed


def codes() -> tuple[Tickets[Signed], str]:
    tickets: Tickets[Signed] = Tickets(60.0)
    return tickets, tickets.issue(Signed(ASKED, PEOPLE["ada"]), 1000.0)


def test_a_complete_request_is_accepted() -> None:
    assert redirect_of(QUERY, frozenset({REDIRECT})) == REDIRECT
    assert read_request(QUERY, REDIRECT) == ASKED


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"redirect_uri": "http://127.0.0.1:20004/app"},
        {"redirect_uri": "http://127.0.0.1:20004/app/?x=1"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": ""},
    ],
    ids=str,
)
def test_another_client_or_address_is_sent_nowhere(changed: Mapping[str, str]) -> None:
    with pytest.raises(NotRegistered):
        redirect_of(QUERY | changed, frozenset({REDIRECT}))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "a"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"state": "s" * 1001}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
    ids=str,
)
def test_an_incomplete_request_is_refused(changed: Mapping[str, str], error: str) -> None:
    with pytest.raises(Refused) as refused:
        read_request(QUERY | changed, REDIRECT)
    assert refused.value.error == error


@pytest.mark.parametrize("text", ["a=1&a=2", "&".join(f"f{n}=1" for n in range(30)), "a=%ff"])
def test_repeated_and_too_many_fields_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        fields(text)


def test_only_a_person_of_the_page_can_be_chosen() -> None:
    assert chosen({"person": "ria"}).name == "Ria Holt"
    with pytest.raises(Refused) as refused:
        chosen({"person": "root"})
    assert refused.value.error == "access_denied"


def test_a_code_is_redeemed_once() -> None:
    tickets, code = codes()

    assert redeem(form(code), tickets, 1059.9).person.name == "Ada Berger"
    with pytest.raises(Refused, match="invalid_grant"):
        redeem(form(code), tickets, 1001.0)


def test_a_code_expires_after_sixty_seconds() -> None:
    tickets, code = codes()

    with pytest.raises(Refused, match="invalid_grant"):
        redeem(form(code), tickets, 1060.0)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "another"}, "invalid_client"),
        ({"client_secret": "x"}, "invalid_client"),
        ({"redirect_uri": "http://localhost:20004/app/"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code_verifier": VERIFIER[:-1] + "j"}, "invalid_grant"),
        ({"code_verifier": CHALLENGE}, "invalid_grant"),
        ({"code_verifier": "ü" * 43}, "invalid_grant"),
    ],
    ids=str,
)
def test_a_wrong_exchange_uses_the_code_up(changed: Mapping[str, str], error: str) -> None:
    tickets, code = codes()

    with pytest.raises(Refused, match=error):
        redeem(form(code, **changed), tickets, 1001.0)
    with pytest.raises(Refused, match="invalid_grant"):
        redeem(form(code), tickets, 1001.0)


def test_another_grant_type_is_refused() -> None:
    tickets, code = codes()

    with pytest.raises(Refused, match="unsupported_grant_type"):
        redeem(form(code, grant_type="password"), tickets, 1001.0)


def test_the_oldest_ticket_goes_when_there_are_too_many() -> None:
    tickets, oldest = codes()
    for _ in range(MOST_KEPT):
        tickets.issue(Signed(ASKED, PEOPLE["ben"]), 1000.0)

    assert tickets.take(oldest, 1000.0) is None
