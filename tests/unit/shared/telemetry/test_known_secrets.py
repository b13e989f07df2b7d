"""The forms in which a known secret is hidden."""

import httpx2
import pytest

from onboarding_shared.telemetry import known_secrets
from onboarding_shared.telemetry.known_secrets import hide_known, remember_secret

PASSPHRASE = "my pass word99"
KEY = "a/b c+d=efgh"
SIGNS = "x !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ü"
IN_QUERY = SIGNS.replace("#", "")
IN_PATH = IN_QUERY.replace("?", "")


@pytest.fixture(autouse=True)
def no_known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_secrets, "KNOWN", [])


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (PASSPHRASE, "<my pass word99>"),
        (PASSPHRASE, "<my+pass+word99>"),
        (PASSPHRASE, "<my%20pass%20word99>"),
        (KEY, "<a/b%20c+d=efgh>"),
        (KEY, "<a/b%20c%2Bd%3Defgh>"),
        (KEY, "<a%2Fb%20c%2Bd%3Defgh>"),
        (KEY, "<a%2Fb+c%2Bd%3Defgh>"),
        (PASSPHRASE, "<bXkgcGFzcyB3b3JkOTk=>"),
        (PASSPHRASE, "<bXkgcGFzcyB3b3JkOTk>"),
        ("~~~???~~~", "<fn5+Pz8/fn5+>"),
        ("~~~???~~~", "<fn5-Pz8_fn5->"),
    ],
)
def test_each_form_of_a_secret_is_hidden(secret: str, shown: str) -> None:
    remember_secret(secret)

    assert hide_known(shown) == "<[redacted]>"


@pytest.mark.parametrize(
    ("encoded", "left"),
    [
        ("YTpteSBwYXNzIHdvcmQ5OQ==", "YTp[redacted]Q=="),
        ("YWI6bXkgcGFzcyB3b3JkOTk=", "YWI6[redacted]"),
        ("YWJjOm15IHBhc3Mgd29yZDk5", "YWJjOm[redacted]"),
        ("bXkgcGFzcyB3b3JkOTk6YQ==", "[redacted]6YQ=="),
    ],
    ids=["a:secret", "ab:secret", "abc:secret", "secret:a"],
)
def test_a_secret_in_longer_base64_is_hidden(encoded: str, left: str) -> None:
    remember_secret(PASSPHRASE)

    assert hide_known(encoded) == left


@pytest.mark.parametrize(
    ("secret", "url", "shown"),
    [
        (IN_PATH, httpx2.URL(f"https://h.example/{IN_PATH}"), "https://h.example/[redacted]"),
        (IN_QUERY, httpx2.URL(f"https://h.example?key={IN_QUERY}"), "https://h.example?key=[redacted]"),
        (SIGNS, httpx2.URL("https://h.example", params={"key": SIGNS}), "https://h.example?key=[redacted]"),
    ],
    ids=["path", "query", "parameter"],
)
def test_a_secret_in_a_url_of_the_client_is_hidden(secret: str, url: httpx2.URL, shown: str) -> None:
    remember_secret(secret)

    assert hide_known(str(url)) == shown
