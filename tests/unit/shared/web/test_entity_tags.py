"""ETags of JSON answers, and the conditional requests that use them."""

from typing import Any

import pytest
from litestar import Response, get, post
from litestar.response import Stream
from litestar.testing import TestClient

from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http

BODY = {"name": "Contoso"}


@get("/named")
async def named() -> dict[str, str]:
    return BODY


@get("/own")
async def own() -> Response[dict[str, str]]:
    return Response(BODY, headers={"ETag": 'W/"seven"'})


@get("/missing")
async def missing() -> Response[dict[str, str]]:
    return Response(BODY, status_code=404)


@get("/text", media_type="text/plain")
async def text() -> str:
    return "Contoso"


@get("/parts")
async def parts() -> Stream:
    async def produce() -> Any:
        yield b"{}"
        yield b"{}"

    return Stream(produce(), media_type="application/json")


@post("/named")
async def change() -> dict[str, str]:
    return BODY


@pytest.fixture
def client() -> Any:
    routes = [named, own, missing, text, parts, change]
    public = {"/named", "/own", "/missing", "/text", "/parts"}
    app = build_http(ApiDescription(title="Tags"), authenticator=None, routes=routes, public_paths=public)
    with TestClient(app) as made:
        yield made


Client = TestClient[HttpApplication]


def test_a_json_answer_has_the_tag_of_its_body(client: Client) -> None:
    first, again = client.get("/named"), client.get("/named")

    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["etag"].startswith('"')
    assert first.json() == BODY


@pytest.mark.parametrize("condition", ["{tag}", "W/{tag}", '"other", {tag}', "*"])
def test_a_known_tag_is_answered_304_without_body(client: Client, condition: str) -> None:
    tag = client.get("/named").headers["etag"]
    answer = client.get("/named", headers={"if-none-match": condition.format(tag=tag)})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == tag
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("condition", ['"other"', "", "rubbish", '"' + "a" * 5000 + '", *'])
def test_other_conditions_are_answered_whole(client: Client, condition: str) -> None:
    answer = client.get("/named", headers={"if-none-match": condition})

    assert (answer.status_code, answer.json()) == (200, BODY)


def test_a_route_keeps_its_own_tag(client: Client) -> None:
    assert client.get("/own").headers["etag"] == 'W/"seven"'
    assert client.get("/own", headers={"if-none-match": '"seven"'}).status_code == 304


@pytest.mark.parametrize("path", ["/missing", "/text", "/parts"])
def test_errors_texts_and_answers_in_parts_have_no_tag(client: Client, path: str) -> None:
    answer = client.get(path, headers={"if-none-match": "*"})

    assert answer.content
    assert "etag" not in answer.headers


def test_a_post_has_no_tag(client: Client) -> None:
    answer = client.post("/named", headers={"if-none-match": "*"})

    assert (answer.status_code, "etag" in answer.headers) == (201, False)


def test_head_has_the_tag_of_get(client: Client) -> None:
    tag = client.get("/named").headers["etag"]

    assert client.head("/named").headers["etag"] == tag
    assert client.head("/named", headers={"if-none-match": tag}).status_code == 304


def test_the_api_page_describes_tags_and_304(client: Client) -> None:
    paths = client.get("/schema/openapi.json").json()["paths"]

    read, changed = paths["/named"]["get"], paths["/named"]["post"]
    assert "ETag" in read["responses"]["200"]["headers"]
    assert "304" in read["responses"]
    assert [parameter["name"] for parameter in read["parameters"]] == ["If-None-Match"]
    assert "304" not in changed["responses"]
    assert "304" not in paths["/text"]["get"]["responses"]
