"""Addresses in settings."""

import pytest

from onboarding_shared.process.urls import is_origin, is_secure


@pytest.mark.parametrize("text", ["https://app.example", "http://localhost:5173", "https://app.example:8443"])
def test_an_origin_is_as_browsers_send_it(text: str) -> None:
    assert is_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "app.example",
        "https://app.example/",
        "https://App.example",
        "https://*.example",
        "https://app.example:443",
        "http://app.example:80",
        "https://user@app.example",
        "https://app.example\n",
        "ftp://app.example",
    ],
)
def test_anything_else_is_no_origin(text: str) -> None:
    assert not is_origin(text)


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://app.example/x", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://app.example", False),
        ("http://127.0.0.1.example", False),
        ("https://", False),
        ("javascript:alert(1)", False),
        ("http://[broken", False),
    ],
)
def test_only_https_and_this_machine_are_secure(url: str, secure: bool) -> None:
    assert is_secure(url) is secure
