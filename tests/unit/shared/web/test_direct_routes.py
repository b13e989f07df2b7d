"""Requests that are answered without Litestar's machinery are answered as they are with it."""

from typing import Annotated, Any

import pytest
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody
from litestar.response import Stream
from msgspec import Struct

from onboarding_shared.contracts.types import Id
from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.direct_routes import DirectCall, DirectRoutes
from onboarding_shared.web.errors import Conflict
from onboarding_shared.web.identity import Authenticator, Caller, Permissions, requires
from onboarding_shared.web.responses import JsonResponse
from tests.support.signing import Signer
from tests.unit.shared.web.raw_requests import exchange, http_scope


class Wish(Struct, forbid_unknown_fields=True):
    text: str = "nothing"


Tag = Annotated[str | None, HeaderParameter(name="X-Tag")]


@post("/tenants/{tenant_id:int}/kinds/{kind:str}", guards=[requires(Permissions.RUN)])
async def start(
    request: Request[Any, Any, Any],
    tenant_id: FromPath[int],
    kind: FromPath[str],
    caller: NamedDependency[Caller],
    data: JSONBody[Wish | None] = None,
    tag: Tag = None,
) -> Response[dict[str, Any]]:
    body = (await request.body()).decode()
    wish = None if data is None else data.text
    path = request.scope["path"]
    content = {"kind": kind, "user": caller.user_id, "wish": wish, "tag": tag, "body": body, "path": path}
    return Response(content, headers={"Location": f"/tenants/{tenant_id}"})


@get("/tenants/{tenant_id:int}/items/{item_id:int}", guards=[requires(Permissions.READ)])
async def item(tenant_id: FromPath[Id], item_id: FromPath[Id], limit: FromQuery[int] = 10) -> dict[str, int]:
    return {"item": item_id, "limit": limit}


@get("/tenants/{tenant_id:int}/items/first", guards=[requires(Permissions.READ)], sync_to_thread=False)
def first_item(tenant_id: FromPath[Id]) -> Response[bytes]:
    return Response(b'{"first":true}', status_code=203, media_type="application/json")


@post("/tenants/{tenant_id:int}/needed")
async def needed(tenant_id: FromPath[int], data: JSONBody[Wish]) -> Wish:
    return data


@post("/tenants/{tenant_id:int}/answers", guards=[requires(Permissions.RUN)])
async def answered(tenant_id: FromPath[int]) -> Response[dict[str, int]]:
    return JsonResponse({"tenant": tenant_id}, headers={"Location": "/x"}, status_code=202)


@delete("/tenants/{tenant_id:int}/items/{item_id:int}")
async def remove(tenant_id: FromPath[int], item_id: FromPath[int]) -> None: ...


@get("/tenants/{tenant_id:int}/stream")
async def stream(tenant_id: FromPath[int]) -> Stream:
    return Stream(iter([b"a", b"b"]), media_type="text/plain")


@get("/tenants/{tenant_id:int}/text")
async def text(tenant_id: FromPath[int]) -> Response[str]:
    return Response("plain", media_type="text/plain")


@get("/tenants/{tenant_id:int}/fails/{how:str}")
async def fails(tenant_id: FromPath[int], how: FromPath[str]) -> None:
    raise {"conflict": Conflict("TAKEN", "It is taken", retry_after=3), "translated": KeyError("k")}.get(
        how, RuntimeError("the password is hunter2")
    )


HANDLERS = [start, answered, item, first_item, needed, remove, stream, text, fails]
JSON = (b"content-type", b"application/json")


@pytest.fixture
def app(identity: IdentitySettings) -> HttpApplication:
    return build_http(
        ApiDescription(title="Direct"),
        authenticator=Authenticator(identity),
        routes=HANDLERS,
        translations={KeyError: lambda error: Conflict("TRANSLATED", f"It was {error}")},
    )


Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


async def answer_of(app: HttpApplication, scope: dict[str, Any], body: bytes) -> Answer:
    pending: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return pending.pop() if pending else {"type": "http.disconnect"}

    sent = await exchange(app, {**scope, "state": {}}, receive)
    return sent[0]["status"], sorted(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent)


def request_of(
    signer: Signer, method: str, path: str, body: bytes, *headers: tuple[bytes, bytes], **claims: Any
) -> dict[str, Any]:
    own = [(b"authorization", f"Bearer {signer.token(**claims)}".encode()), (b"x-request-id", b"r-1"), *headers]
    if method != "GET" or body:
        own.append((b"content-length", str(len(body)).encode()))
    path, _, query = path.partition("?")
    return {**http_scope(path, *own, method=method), "query_string": query.encode()}


REQUESTS = [
    ("POST", "/tenants/42/kinds/a.b", b"", ()),
    ("POST", "/tenants/42/kinds/a.b", b"{}", (JSON,)),
    ("POST", "/tenants/42/kinds/a.b", b'{"text": "more"}', (JSON, (b"x-tag", b"caf\xe9"))),
    ("POST", "/tenants/42/kinds/a.b", b"", ((b"x-tag", b"1"), (b"x-tag", b"2"))),
    ("POST", "/tenants/42/kinds/a.b", b'{"other": 1}', (JSON,)),
    ("POST", "/tenants/42/kinds/a.b", b"{", (JSON,)),
    ("POST", "/tenants/42/kinds/a.b", b" ", (JSON,)),
    ("POST", "/tenants/42/kinds/a.b", b"x", ((b"content-type", b"text/plain"),)),
    ("POST", "/tenants/42/kinds/a.b", b"x" * 70_000, (JSON,)),
    ("POST", "/tenants/42/kinds/a.b/", b"", ()),
    ("POST", "/tenants//42/kinds/a.b", b"", ()),
    ("POST", "/tenants/42/kinds/", b"", ()),
    ("POST", "/tenants/42/kinds/a.b?x=1", b"", ()),
    ("POST", "/tenants/042/kinds/a.b", b"", ()),
    ("POST", "/tenants/+42/kinds/a.b", b"", ()),
    ("POST", "/tenants/0/kinds/a.b", b"", ()),
    ("POST", "/tenants/9223372036854775808/kinds/a.b", b"", ()),
    ("POST", "/tenants/43/kinds/a.b", b"", ()),
    ("PUT", "/tenants/42/kinds/a.b", b"", ()),
    ("OPTIONS", "/tenants/42/kinds/a.b", b"", ()),
    ("GET", "/tenants/42/items/5", b"", ()),
    ("HEAD", "/tenants/42/items/5", b"", ()),
    ("GET", "/tenants/42/items/5?limit=3", b"", ()),
    ("GET", "/tenants/42/items/5", b'{"a": 1}', (JSON,)),
    ("GET", "/tenants/42/items/first", b"", ()),
    ("GET", "/tenants/42/items/other", b"", ()),
    ("GET", "/tenants/42/items/first/more", b"", ()),
    ("POST", "/tenants/42/needed", b"", ()),
    ("POST", "/tenants/42/needed", b'{"text": "x"}', (JSON,)),
    ("POST", "/tenants/42/needed", b"null", (JSON,)),
    ("POST", "/tenants/42/answers", b"", ()),
    ("DELETE", "/tenants/42/items/5", b"", ()),
    ("GET", "/tenants/42/stream", b"", ()),
    ("GET", "/tenants/42/text", b"", ()),
    ("GET", "/tenants/42/fails/conflict", b"", ()),
    ("GET", "/tenants/42/fails/translated", b"", ()),
    ("GET", "/tenants/42/fails/otherwise", b"", ()),
    ("GET", "/tenants/42/nothing", b"", ()),
]


@pytest.mark.parametrize(("method", "path", "body", "headers"), REQUESTS)
async def test_a_direct_answer_is_the_one_of_litestar(
    app: HttpApplication,
    signer: Signer,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    body: bytes,
    headers: tuple[tuple[bytes, bytes], ...],
) -> None:
    scope = request_of(signer, method, path, body, *headers)
    direct = await answer_of(app, scope, body)
    monkeypatch.setattr(DirectRoutes, "find", lambda _self, _scope: None)
    assert direct == await answer_of(app, scope, body)


async def test_a_direct_handler_asks_for_the_permission(app: HttpApplication, signer: Signer) -> None:
    scope = request_of(signer, "POST", "/tenants/42/kinds/a", b"", permissions=[Permissions.READ])
    assert (await answer_of(app, scope, b""))[0] == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tenants/42/kinds/a"),
        ("GET", "/tenants/42/items/5"),
        ("GET", "/tenants/42/items/first"),
        ("POST", "/tenants/42/needed"),
        ("POST", "/tenants/42/answers"),
    ],
)
async def test_a_plain_request_does_not_reach_litestar(
    app: HttpApplication, signer: Signer, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    calls: list[DirectCall | None] = []
    find = app.direct.find

    def noted(scope: Any) -> DirectCall | None:
        calls.append(find(scope))
        return calls[-1]

    monkeypatch.setattr(app.direct, "find", noted)
    await answer_of(app, request_of(signer, method, path, b""), b"")
    assert [call is not None for call in calls] == [True]
