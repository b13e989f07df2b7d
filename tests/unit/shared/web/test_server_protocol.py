"""The server's protocol with a client at the other end of a transport."""

import asyncio
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from onboarding_shared.web.connections import ConnectionLimits, bounded_protocol


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    names = b",".join(name for name, _ in scope["headers"])
    answer = names + b" " + scope["path"].encode() + b" " + body
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


def connected(transport: Transport) -> Any:
    limits = ConnectionLimits(connections=5, per_address=5, header_seconds=5.0, write_seconds=5.0)
    config: Any = Config(echo, interface="asgi3", log_config=None, access_log=False, server_header=False)
    config.load()
    protocol: Any = bounded_protocol(limits)(config=config, server_state=ServerState(), app_state={})  # type: ignore[call-arg]
    protocol.connection_made(transport)
    return protocol


@pytest.mark.parametrize("waits", ["Expect: 100-continue\r\n", "EXPECT: 100-Continue\r\n"])
async def test_a_client_that_waits_to_send_is_told_to_go_on(waits: str) -> None:
    transport = Transport()
    protocol = connected(transport)
    protocol.data_received(f"POST /a HTTP/1.1\r\nHost: x\r\n{waits}Content-Length: 2\r\n\r\n".encode())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    protocol.connection_lost(None)


async def test_a_url_and_headers_in_pieces_are_one_request() -> None:
    transport = Transport()
    protocol = connected(transport)
    for piece in (b"POST /ab", b"cd HTTP/1.1\r\nHo", b"st: x\r\nX-Tag: 1\r\nContent-Length: 2\r\n\r\n", b"hi"):
        protocol.data_received(piece)
    for _ in range(5):
        await asyncio.sleep(0)
    assert transport.written.endswith(b"host,x-tag,content-length /abcd hi")
    protocol.connection_lost(None)
