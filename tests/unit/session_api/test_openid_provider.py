"""Discovery documents: which are used, and the settings that name their authority."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from onboarding_shared.web.discovery import DiscoveryError, read_discovery
from session_api.clients.openid_provider import Endpoints
from session_api.settings import OidcSettings

AUTHORITY = "https://keycloak.example/realms/msp"
DOCUMENT = {
    "issuer": AUTHORITY,
    "authorization_endpoint": f"{AUTHORITY}/protocol/openid-connect/auth",
    "token_endpoint": f"{AUTHORITY}/protocol/openid-connect/token",
    "jwks_uri": f"{AUTHORITY}/protocol/openid-connect/certs",
}


def test_the_endpoints_of_a_document_are_used() -> None:
    assert read_discovery(json.dumps(DOCUMENT).encode(), AUTHORITY, Endpoints) == Endpoints(
        issuer=AUTHORITY,
        authorization_endpoint="https://keycloak.example/realms/msp/protocol/openid-connect/auth",
        token_endpoint="https://keycloak.example/realms/msp/protocol/openid-connect/token",
    )


def test_an_issuer_may_end_in_a_slash_as_of_auth0() -> None:
    document = DOCUMENT | {"issuer": "https://msp.eu.auth0.com/"}

    assert read_discovery(json.dumps(document).encode(), "https://msp.eu.auth0.com", Endpoints)


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"token_endpoint": "http://keycloak.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://"},
        {"end_session_endpoint": "http://[broken"},
        {"token_endpoint": 7},
    ],
    ids=str,
)
def test_a_document_that_breaks_a_rule_is_not_used(changed: dict[str, Any]) -> None:
    with pytest.raises(DiscoveryError):
        read_discovery(json.dumps(DOCUMENT | changed).encode(), AUTHORITY, Endpoints)


@pytest.mark.parametrize("document", [b"", b"[]", b"<html>", b"\xff", b'{"a":' * 5000])
def test_anything_else_is_no_discovery_document(document: bytes) -> None:
    with pytest.raises(DiscoveryError):
        read_discovery(document, AUTHORITY, Endpoints)


@pytest.mark.parametrize("given", [{"authority": AUTHORITY}, {"client_id": "web"}])
def test_authority_and_client_are_set_together(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="must be set together"):
        OidcSettings(**given)


def test_an_authority_must_be_https_except_on_this_machine() -> None:
    assert OidcSettings(authority="http://127.0.0.1:8080/", client_id="web").authority == "http://127.0.0.1:8080"
    with pytest.raises(ValidationError, match="must start with https"):
        OidcSettings(authority="http://keycloak.example", client_id="web")
