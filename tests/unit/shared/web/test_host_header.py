"""RFC 9112, 3.2: requests with too many hosts, with none, and of other versions are refused."""

import json

import pytest

from onboarding_shared.web.app import HttpApplication
from tests.support.signing import Signer
from tests.unit.shared.web.raw_requests import exchange, http_scope, no_body


@pytest.mark.parametrize(
    ("hosts", "version", "status"),
    [
        ((b"api",), "1.1", 200),
        ((), "1.0", 200),
        ((), "1.1", 400),
        ((b"api", b"api"), "1.1", 400),
        ((b"api", b"other"), "1.0", 400),
        ((b"api",), "2.0", 400),
        ((b"api",), "0.9", 400),
    ],
)
async def test_a_request_has_one_host_and_a_known_version(
    app: HttpApplication, signer: Signer, hosts: tuple[bytes, ...], version: str, status: int
) -> None:
    token = (b"authorization", f"Bearer {signer.token()}".encode())
    sent = await exchange(app, http_scope("/tenants/42/things", token, hosts=hosts, version=version), no_body)
    assert sent[0]["status"] == status
    if status == 400:
        assert json.loads(sent[1]["body"])["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("host", "status"), [(b"api.example:8443", 200), (b"[::1]:80", 200), (b"a b", 400), (b'"><x>', 400)]
)
async def test_a_host_with_characters_of_no_host_is_refused(
    app: HttpApplication, signer: Signer, host: bytes, status: int
) -> None:
    token = (b"authorization", f"Bearer {signer.token()}".encode())
    sent = await exchange(app, http_scope("/tenants/42/things", token, hosts=(host,)), no_body)
    assert sent[0]["status"] == status
