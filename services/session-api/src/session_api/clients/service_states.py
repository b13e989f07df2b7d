"""Asks other services for the state of their processes, at every address that the name of a service has."""

import asyncio
import socket
from collections.abc import Sequence

import httpx2
import msgspec
import structlog

from onboarding_shared.contracts.service_states import PATH, ServiceState

ANSWER_SECONDS = 4.0
"""Longer than a process needs for its own checks."""
MOST_BYTES = 256 * 1024
MOST_INSTANCES = 20
_log = structlog.get_logger(__name__)
_decoder = msgspec.json.Decoder(ServiceState)


class StateUnknown(Exception):
    """No state was answered; the text says why, in a sentence for operators."""


class ServiceStates:
    """The client of the health pages. It sends no token, follows no redirect and reads bounded answers only."""

    def __init__(self) -> None:
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(ANSWER_SECONDS),
            limits=httpx2.Limits(max_connections=50, max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    async def ask(self, url: str) -> Sequence[ServiceState | StateUnknown]:
        """The answer of each process behind an address; at least one, which may say why there is none."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                targets = await _targets(httpx2.URL(url + PATH))
        except (OSError, TimeoutError, httpx2.InvalidURL) as error:
            _log.warning("service_state_unknown", url=url, reason=repr(error))
            return [StateUnknown("The name of its address cannot be looked up")]
        host = httpx2.URL(url).netloc.decode()
        return await asyncio.gather(*(self._answer(target, host) for target in targets))

    async def _answer(self, target: httpx2.URL, host: str) -> ServiceState | StateUnknown:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return _decoder.decode(await self._download(target, host))
        except StateUnknown as error:
            return error
        except TimeoutError:
            return StateUnknown(f"It did not answer within {ANSWER_SECONDS:g} seconds")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            _log.warning("service_state_unknown", url=str(target), reason=repr(error))
            return StateUnknown("Its answer is not the state of a service")
        except (httpx2.HTTPError, OSError) as error:
            return StateUnknown(f"It cannot be reached: {type(error).__name__}")

    async def _download(self, target: httpx2.URL, host: str) -> bytes:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Host": host}
        async with self._client.stream("GET", target, headers=headers) as response:
            if response.status_code != 200:
                raise StateUnknown(f"It answered with HTTP {response.status_code}")
            document = bytearray()
            async for chunk in response.aiter_raw():
                document += chunk
                if len(document) > MOST_BYTES:
                    raise StateUnknown(f"Its answer is larger than {MOST_BYTES} bytes")
            return bytes(document)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


async def _targets(url: httpx2.URL) -> list[httpx2.URL]:
    """The address with each IP address of its name; as it is for https, whose certificate has the name.

    Where there are addresses of IPv4, those of IPv6 are the same processes.
    """
    if url.scheme == "https":
        return [url]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(url.host, url.port or 80, type=socket.SOCK_STREAM)
    families = {family for family, *_ in found}
    wanted = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    hosts = sorted({str(place[0]) for family, _, _, _, place in found if family == wanted})
    return [url.copy_with(host=host) for host in hosts[:MOST_INSTANCES]]
