"""Reads documents of identity providers over HTTP: bounded in time and size, without following redirects."""

import asyncio

import httpx2

SECONDS = 5.0


class DocumentUnavailable(Exception):
    """The server did not answer in time, or with something else than a document."""


async def read_document(url: str, *, most_bytes: int) -> bytes:
    """The JSON document at an address. Raises ``DocumentUnavailable``."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _download(url, most_bytes)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
        raise DocumentUnavailable(repr(error)) from error


async def _download(url: str, most_bytes: int) -> bytes:
    client = httpx2.AsyncClient(follow_redirects=False, timeout=SECONDS)
    async with client, client.stream("GET", url, headers={"Accept": "application/json"}) as response:
        if response.status_code != 200:
            raise DocumentUnavailable(f"answered {response.status_code}")
        document = bytearray()
        async for chunk in response.aiter_bytes():
            document += chunk
            if len(document) > most_bytes:
                raise DocumentUnavailable(f"larger than {most_bytes} bytes")
        return bytes(document)
