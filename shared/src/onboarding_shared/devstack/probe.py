"""Ask a local HTTP server one question, without a client library and without proxies."""

import asyncio


async def http_status(host: str, port: int, path: str, timeout: float = 2.0) -> int | None:
    """The status of `GET path`, or None when nothing answered HTTP within `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                words = (await reader.readline()).split()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else None
