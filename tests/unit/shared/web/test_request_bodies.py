import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient
from structlog.testing import capture_logs

from onboarding_shared.web import request_body
from onboarding_shared.web.app import HttpApplication
from tests.support.signing import Signer
from tests.unit.shared.web.raw_requests import exchange, http_scope

Client = TestClient[HttpApplication]
URL = "/tenants/42/things/1"
JSON = {"Content-Type": "application/json"}


def change(client: Client, body: bytes, content_type: str | None = "application/json") -> tuple[int, dict[str, Any]]:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = client.patch(URL, content=body, headers=headers)
    return response.status_code, response.json()


def test_a_good_body_arrives_as_declared(client: Client) -> None:
    assert change(client, b'{"current_step": 3}') == (200, {"current_step": 3, "note": None, "more": {}})


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b'{"current_step": "3"}', "INVALID_FIELD", "current_step"),
        (b'{"current_step": 3.5}', "INVALID_FIELD", "current_step"),
        (b'{"current_step": true}', "INVALID_FIELD", "current_step"),
        (b'{"current_step": 0}', "INVALID_FIELD", "current_step"),
        (b'{"current_step": 6}', "INVALID_FIELD", "current_step"),
        (b'{"current_step": 99999999999999999999999}', "INVALID_FIELD", "current_step"),
        (b'{"current_step": 1e999}', "INVALID_FIELD", "current_step"),
        (b'{"more": [1]}', "INVALID_FIELD", "more"),
        (b'{"surprise": 1}', "UNKNOWN_FIELD", "surprise"),
        (b"[]", "INVALID_FIELD", None),
        (b"null", "INVALID_FIELD", None),
        (b'"text"', "INVALID_FIELD", None),
        (b"", "EMPTY_BODY", None),
        (b"  \n ", "EMPTY_BODY", None),
        (b"current_step=3", "INVALID_JSON", None),
        (b'{"current_step": 3', "INVALID_JSON", None),
        (b'{"current_step": 3} {}', "INVALID_JSON", None),
        (b'{"current_step": NaN}', "INVALID_JSON", None),
        (b"{'current_step': 3}", "INVALID_JSON", None),
        (b"\xef\xbb\xbf{}", "INVALID_JSON", None),
        (b'{"note": "\\u0000"}', "NUL_CHARACTER", None),
        (b'{"note": "\x00"}', "NUL_CHARACTER", None),
        (b'{"more": {"deep": "\\ud800"}}', "LONE_SURROGATE", None),
        (b'{"note": "\xff"}', "INVALID_UTF8", None),
        (b'{"more": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}", "NESTING_TOO_DEEP", None),
    ],
)
def test_a_bad_body_is_a_400_with_code_and_field(client: Client, body: bytes, code: str, field: str | None) -> None:
    status, problem = change(client, body)
    assert (status, problem["code"], problem.get("field")) == (400, code, field)


def test_a_missing_member_is_named(client: Client) -> None:
    response = client.post("/tenants/42/things", content=b"{}", headers=JSON)
    assert (response.status_code, response.json()["code"], response.json()["field"]) == (400, "MISSING_FIELD", "name")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", 'Application/JSON ;charset="UTF-8"']
)
def test_json_in_utf8_may_be_declared_in_these_ways(client: Client, content_type: str) -> None:
    assert change(client, b"{}", content_type)[0] == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/x-msgpack",
    ],
)
def test_every_other_content_type_is_a_415(client: Client, content_type: str | None) -> None:
    status, problem = change(client, b'{"current_step": 3}', content_type)
    assert (status, problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "x", "aws-chunked"])
def test_a_content_encoding_that_is_not_read_is_a_415(client: Client, encoding: str) -> None:
    response = client.patch(
        "/tenants/42/things/1",
        content=b'{"current_step": 3}',
        headers={"Content-Type": "application/json", "Content-Encoding": encoding},
    )
    assert (response.status_code, response.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert response.json()["next"] == "Send the body as it is, without a Content-Encoding header."
    assert response.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_a_body_that_is_not_compressed_is_read(client: Client, encoding: str) -> None:
    response = client.patch(
        "/tenants/42/things/1",
        content=b'{"current_step": 3}',
        headers={"Content-Type": "application/json", "Content-Encoding": encoding},
    )
    assert response.status_code == 200


def test_64_kib_are_accepted_and_one_more_byte_is_413(client: Client) -> None:
    body = b'{"note": "' + b"x" * (65_536 - 12) + b'"}'
    assert len(body) == 65_536
    assert change(client, body)[0] == 200
    status, problem = change(client, body + b" ")
    assert (status, problem["code"]) == (413, "BODY_TOO_LARGE")


def test_a_body_that_hides_its_length_is_measured_too(client: Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(70):
            yield b" " * 1024

    response = client.patch(URL, content=endless(), headers=JSON)
    assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert response.headers["Connection"] == "close"


def test_a_body_in_pieces_arrives_whole(client: Client) -> None:
    response = client.patch(URL, content=iter([b'{"current_', b'step": 2', b"}"]), headers=JSON)
    assert response.json()["current_step"] == 2


@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
def test_an_operation_without_a_body_accepts_an_empty_object(client: Client, body: bytes) -> None:
    assert client.post("/tenants/42/starts", content=body, headers=JSON).status_code == 201


def test_an_operation_without_a_body_refuses_one(client: Client) -> None:
    response = client.post("/tenants/42/starts", json={"force": True})
    assert (response.status_code, response.json()["code"]) == (400, "BODY_NOT_EXPECTED")


def patch_scope(signer: Signer, length: bytes = b"20") -> dict[str, Any]:
    token = (b"authorization", f"Bearer {signer.token()}".encode())
    declared = ((b"content-type", b"application/json"), (b"content-length", length))
    return http_scope(URL, token, *declared, method="PATCH")


async def test_a_client_that_disconnects_is_no_internal_error(app: HttpApplication, signer: Signer) -> None:
    parts = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return parts.pop(0)

    with capture_logs() as logs:
        await exchange(app, patch_scope(signer), receive)
    assert [(line["event"], line.get("status")) for line in logs] == [("request", 499)]


async def test_a_body_that_does_not_arrive_is_given_up(
    app: HttpApplication, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_body, "BODY_SECONDS", 0.05)

    async def receive() -> Any:
        await asyncio.sleep(30)

    sent = await exchange(app, patch_scope(signer), receive)
    assert sent[0]["status"] == 408


async def test_a_content_length_that_is_no_number_is_a_400(app: HttpApplication, signer: Signer) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    sent = await exchange(app, patch_scope(signer, b"-1"), receive)
    assert sent[0]["status"] == 400
