"""The redaction of secrets in log lines; texts that only resemble secrets stay readable."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding_shared.telemetry.redaction import (
    _PATTERNS,
    is_plain,
    names_a_secret,
    redact,
    redact_members,
    redact_text,
)

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"
STORAGE_KEY = "Ab3+" * 21 + "Zz=="


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "userPassword", "passwordCredentials", "passwordHash", "passwd", "pwd",
        "secret", "clientSecret", "client_secret", "client_secret_value", "secretText", "secrets", "secret2",
        "token", "accessToken", "refresh_token", "id_tokens", "Authorization", "Proxy-Authorization", "Set-Cookie",
        "cookies", "private_key", "privateKeyPem", "apiKey", "APIKey", "x-api-key", "AccountKey", "SharedAccessKey",
        "connectionString", "CONNECTION_STRINGS", "clientAssertion", "sas", "jwt", "credentials",
        "Ocp-Apim-Subscription-Key", "x-functions-key",
        "x" * 200 + "Password",
    ],
)  # fmt: skip
def test_a_name_with_a_secret_word_is_secret(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "tokenLifetimePolicies", "tokenType", "token_endpoint", "secretary", "passwordPolicies", "lastPasswordChange",
        "keyId", "publicKey", "keyCredentials", "credential_ref", "authorizationPolicy", "cookieless", "tokenized",
        "displayName", "User-PasswordProfile.ReadWrite.All", "connectionStringless", "", "42",
    ],
)  # fmt: skip
def test_a_name_that_only_sounds_like_a_secret_is_none(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"sent {JWT} to", "sent [redacted] to"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: [redacted]"),
        ('{"authorization": "Basic dXNlcjpwYXNz"}', '{"authorization": "[redacted]"}'),
        ("with Bearer abcdef.ghi-123 at", "with Bearer [redacted] at"),
        ("a header basic dXNlcjpwYXNzMQ== came", "a header basic [redacted] came"),
        ("Set-Cookie: a=b; c=d\nnext", "Set-Cookie: [redacted]\nnext"),
        ("grant_type=x&client_secret=hunter2&scope=y", "grant_type=x&client_secret=[redacted]&scope=y"),
        ('body {"client_secret": "hun ter2", "a": 1}', 'body {"client_secret": [redacted], "a": 1}'),
        ("password=hunter2;", "password=[redacted];"),
        (r'body "{\"client_secret\":\"hunter2\",\"a\":1}"', r'body "{\"client_secret\":[redacted]\",\"a\":1}"'),
        (r'{"password": "hun\"ter2", "a": 1}', '{"password": [redacted], "a": 1}'),
        ('{"token":"hunter2"}', '{"token":[redacted]}'),
        ("client_secret%3Dhunter2", "client_secret%3D[redacted]"),
        ("Ocp-Apim-Subscription-Key: hunter2", "Ocp-Apim-Subscription-Key: [redacted]"),
        ("token='hunter2'", "token=[redacted]"),
        ("postgresql://app:hunter2@db/x", "postgresql://app:[redacted]@db/x"),
        ("AccountName=a;AccountKey=abc+/d==;Endpoint=x", "AccountName=a;AccountKey=[redacted];Endpoint=x"),
        ("SharedAccessKeyName=root;SharedAccessKey=abc=", "SharedAccessKeyName=root;SharedAccessKey=[redacted]"),
        ("https://a.blob/x?sv=1&sig=a%2Fb&se=2", "https://a.blob/x?sv=1&sig=[redacted]&se=2"),
        (f"the key {STORAGE_KEY} of", "the key [redacted] of"),
        ("made abc8Q~0123456789012345678901234567890 today", "made [redacted] today"),
        ("code 0.A" + "x" * 45 + ".yy here", "code [redacted] here"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest", "[redacted]\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMII cut", "[redacted]"),
    ],
)
def test_a_secret_within_a_text_is_hidden_alone(text: str, shown: str) -> None:
    assert redact_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "Policy.ReadWrite.AuthenticationMethod",
        "TokenLifetimePolicy.Read.All",
        "InvalidAuthenticationToken: Access token has expired.",
        "Unexpected token: the answer is no JSON",
        "Basic authentication is blocked for all users.",
        "The client secret has expired. (AADSTS7000222)",
        "The environment variable 'CONTOSO_SECRET' is not set in the task runner.",
        "env:CONTOSO_CLIENT_SECRET",
        "password,microsoftAuthenticatorPush",
        "Authorization_RequestDenied: Insufficient privileges",
        "https://graph.microsoft.com/v1.0/users?$skiptoken=RFNwdAIAAQ",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_a_harmless_text_stays_as_it_is(text: str) -> None:
    assert redact_text(text) == text


def test_values_of_secret_names_are_hidden_at_any_depth() -> None:
    given_value = {
        "apps": [{"name": "a", "passwordCredentials": [{"hint": "hun"}]}, {"secret": "x", "password": ["y"]}]
    }

    assert redact(given_value) == {
        "apps": [{"name": "a", "passwordCredentials": "[redacted]"}, {"secret": "[redacted]", "password": "[redacted]"}]
    }


def test_values_of_entries_with_a_secret_name_are_hidden() -> None:
    entries = [
        {"name": "client_secret", "value": "x"},
        {"Key": "ApiKey", "Value": "y"},
        {"name": "region", "value": "z"},
    ]

    assert redact(entries) == [
        {"name": "client_secret", "value": "[redacted]"},
        {"Key": "ApiKey", "Value": "[redacted]"},
        {"name": "region", "value": "z"},
    ]


@pytest.mark.parametrize("value", [None, True, False, 0, 7, 1.5, "", [], {}])
def test_what_cannot_be_a_secret_stays_whatever_its_name(value: Any) -> None:
    assert redact({"password": value}) == {"password": value}


def test_values_beyond_the_depth_limit_are_redacted_as_text() -> None:
    assert redact([[["Bearer hunter2hunter2"]]], depth=2) == [["['Bearer [redacted]']"]]


PIECES = st.sampled_from(
    ["client_secret", "=", ":", " ", '"', "'", "Bearer ", "hunter2hunter2", JWT, "[redacted]", "Authorization",
     "cookie", "password", "\\", "%3D", "token", "://", "@", "sig=", "?", "\n", "-----BEGIN PRIVATE KEY-----",
     STORAGE_KEY, "x"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "a",
        "secret ",
        "secret=",
        'secret="\\',
        "secret\\",
        "token\\",
        "Bearer ",
        "://",
        "cookie:",
        "-----BEGIN PRIVATE KEY-----",
        "0.A",
        "A",
        "==",
    ],
)
def test_no_text_takes_longer_than_its_length_explains(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    began = time.process_time()
    redact_text(text)
    assert time.process_time() - began < 2


WORDS = st.sampled_from([
    "token", "secret", "password", "Bearer", "Basic", "eyJ", "AccountKey", "sig", "Q~", "authorization", "private key",
    "0.A", "0.a", "a.b_", "==", "%3D", "://", ":", "=", "-----", "/", "{", "}", ".", " ", "2026-11-24T09:30:01.5Z",
    "a1B2c3d4e5f6",
])  # fmt: skip


@given(st.lists(WORDS, max_size=8).map("".join))
def test_a_plain_text_is_in_no_form_of_a_secret(text: str) -> None:
    assert not (is_plain(text) and any(pattern.search(text) for _, pattern, _ in _PATTERNS))


@pytest.mark.parametrize(
    "text",
    [
        "GET",
        "/tenants/{tenant_id}/onboarding",
        "2026-11-24T09:30:01.5Z",
        "0af7651916cd43dd8448eb211c80319c",
        "license.inventory",
        "",
    ],
)
def test_words_paths_ids_and_times_are_plain(text: str) -> None:
    assert is_plain(text)


def test_members_of_a_line_are_hidden_by_name_and_form() -> None:
    line = {
        "status": 201,
        "client_secret": "plain",
        "text": "Bearer abcdefgh12",
        "trace_id": "0af7",
        "inner": {"pwd": "x"},
    }
    redact_members(line)
    assert line == {
        "status": 201,
        "client_secret": "[redacted]",
        "text": "Bearer [redacted]",
        "trace_id": "0af7",
        "inner": {"pwd": "[redacted]"},
    }
