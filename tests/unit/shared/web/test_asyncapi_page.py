"""The page of the messages: for everybody, whole, and without a script."""

import re

from litestar.testing import TestClient

from onboarding_shared.contracts.asyncapi import asyncapi_document
from onboarding_shared.contracts.catalogue import all_messages
from onboarding_shared.contracts.topics import ALL_TOPICS
from onboarding_shared.web.app import HttpApplication
from onboarding_shared.web.asyncapi_page import asyncapi_html

Client = TestClient[HttpApplication]


def test_programs_get_the_document(anonymous: Client) -> None:
    answer = anonymous.get("/asyncapi.json")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["asyncapi"] == "3.0.0"
    assert answer.headers["etag"]


def test_the_page_has_every_topic_and_message(anonymous: Client) -> None:
    page = anonymous.get("/asyncapi").text
    assert re.findall(r"<h2>(onboarding\.[^<]+)", page) == [topic.name for topic in ALL_TOPICS]
    assert {message.__name__ for message in all_messages()} <= set(re.findall(r'<h3 id="(\w+)"', page))


def test_the_page_loads_nothing_and_runs_no_script(anonymous: Client) -> None:
    answer = anonymous.get("/asyncapi")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert re.findall(r"<script|\bsrc=|\bon\w+=|\bstyle=|https?://", answer.text) == []


def test_each_link_within_the_page_leads_to_its_part(anonymous: Client) -> None:
    page = anonymous.get("/asyncapi").text
    linked = set(re.findall(r'href="#([^"]+)"', page))
    assert {"TaskConnection", "Progress", "CheckStatus"} <= linked
    assert linked <= set(re.findall(r'id="([^"]+)"', page))


def test_texts_of_the_document_are_no_markup() -> None:
    document = asyncapi_document()
    document["info"]["description"] = "<b>bold</b>"
    document["components"]["messages"]["StartTask"]["description"] = "<i>"
    document["components"]["schemas"]["StartTask"]["properties"]["run_id"]["description"] = "<u>"
    page = asyncapi_html(document)
    assert "&lt;b&gt;bold" in page
    assert re.findall(r"<[biu]>", page) == []
