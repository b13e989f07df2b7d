"""The pages after a consent: plain, fixed texts that load nothing."""

import base64
import hashlib
import re

import pytest

from session_api.routes.consent_pages import HEADERS, PAGES, UNAVAILABLE, UNKNOWN, ConsentPage

EVERY = [*PAGES.values(), UNKNOWN, UNAVAILABLE]


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.title)
def test_a_page_has_neither_script_nor_link_nor_form(page: ConsentPage) -> None:
    assert not re.search(r"<(script|a|form|img|link|iframe)\b|\bon\w+=|https?:", page.html)
    assert page.html.startswith("<!doctype html>")


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.title)
def test_the_policy_allows_the_style_of_a_page(page: ConsentPage) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", page.html)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert HEADERS["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_each_claim_has_its_page() -> None:
    assert {state.value: page.status for state, page in PAGES.items()} == {
        "reported": 200,
        "declined": 200,
        "wrong_tenant": 200,
        "expired": 410,
    }
    assert len({page.html for page in EVERY}) == 6
