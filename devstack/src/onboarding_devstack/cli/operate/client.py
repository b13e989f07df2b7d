"""A client of session-api for commands: pages are followed, busy services are asked again, refusals are explained."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx2

from onboarding_devstack.cli.demo.api import LOOPBACK
from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.deployment import TOKEN_VARIABLE, Deployment, Target, target_of
from onboarding_devstack.cli.screen import err

ANSWER_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
"""How long a request is sent again while the service is busy, by the service's own hints."""
PAGE = 200
"""The most items that a page may have."""
BUSY = (429, 503)
_EXITS = {
    400: Exit.USAGE, 401: Exit.CONFLICT, 403: Exit.CONFLICT, 409: Exit.CONFLICT, 412: Exit.CONFLICT,
    429: Exit.UNREACHABLE, 502: Exit.UNREACHABLE, 503: Exit.UNREACHABLE, 504: Exit.UNREACHABLE,
}  # fmt: skip

Query = Sequence[tuple[str, str | int]]
Row = dict[str, Any]


class Client:
    """A client with the token of one caller. Every method raises ``CommandError`` if the request has no success."""

    def __init__(self, target: Target, transport: httpx2.BaseTransport | None = None) -> None:
        self.target = target
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {target.token}", "Accept": "application/json"},
            timeout=ANSWER_SECONDS,
            trust_env=urlsplit(target.url).hostname not in LOOPBACK,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, query: Query = ()) -> Any:
        """Return the body of an answer."""
        return self._ask("GET", path, query)[0]

    def get_dated(self, path: str) -> tuple[Any, str | None]:
        """Return the body of an answer, and the time at which it was made, as its header says it."""
        body, answer = self._ask("GET", path, ())
        return body, answer.headers.get("date")

    def get_tagged(self, path: str) -> tuple[Any, dict[str, str]]:
        """Return the body of an answer, and the header with which a change fails if it has changed since."""
        body, answer = self._ask("GET", path, ())
        tag = answer.headers.get("etag")
        return body, {} if tag is None else {"If-Match": tag}

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a change that is safe to repeat; return the body of the answer."""
        return self._ask(method, path, query, body, headers)[0]

    def page(self, path: str, query: Query) -> tuple[list[Row], Query | None]:
        """Return the items of a page, and the query of the next page if there is one."""
        rows, answer = self._ask("GET", path, query)
        if not isinstance(rows, list):
            raise self._stranger(answer)
        following = answer.links.get("next", {}).get("url")
        # Only its query counts: a token is sent to the address that it was given for, and nowhere else.
        return rows, None if following is None else parse_qsl(urlsplit(following).query, keep_blank_values=True)

    def _ask(
        self,
        method: str,
        path: str,
        query: Query,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, httpx2.Response]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._answer(method, path, query, body, headers)
            pause = _pause(answer)
            if pause is None or time.monotonic() + pause > deadline:
                break
            err().print(f"{answer.status_code} from {self.target.url}: again in {pause:g} s", markup=False)
            time.sleep(pause)
        decoded = _decoded(answer)
        if answer.is_success and decoded is not None:
            return decoded, answer
        if not isinstance(decoded, dict) or "code" not in decoded:
            raise self._stranger(answer)
        raise refusal(answer.status_code, decoded)

    def _answer(
        self, method: str, path: str, query: Query, body: object, headers: Mapping[str, str] | None
    ) -> httpx2.Response:
        try:
            return self._http.request(
                method, f"{self.target.url}{path}", params=list(query), json=body, headers=dict(headers or {})
            )
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            cause = str(error) or type(error).__name__
            message = f"session-api does not answer at {self.target.url}: {cause}"
            raise CommandError(Exit.UNREACHABLE, message, self.target.remedy) from None

    def _stranger(self, answer: httpx2.Response) -> CommandError:
        message = f"{self.target.url} answers {answer.status_code}, but not as session-api does"
        return CommandError(Exit.UNREACHABLE, message, "check --address: it is the URL of session-api without a path")


def client_of(deployment: Deployment) -> Client:
    """A client of the deployment that the options of a command name; use it with ``with``."""
    return Client(target_of(deployment))


class Pages:
    """The items of a list, page by page, up to ``limit`` (None = all). Afterwards ``more``: the list has others.

    ``shape`` makes a row of an item, or None of one that is left out.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        query: Query,
        limit: int | None,
        shape: Callable[[Row], Row | None] = lambda item: item,
    ) -> None:
        self._client = client
        self._path = path
        self._query: Query | None = [*query, ("limit", PAGE if limit is None else min(limit, PAGE))]
        self._limit = limit
        self._shape = shape
        self.more = False

    def __iter__(self) -> Iterator[Row]:
        taken = 0
        while self._query is not None:
            items, self._query = self._client.page(self._path, self._query)
            for place, row in enumerate(map(self._shape, items), start=1):
                if row is None:
                    continue
                yield row
                taken += 1
                if taken == self._limit:
                    self.more = place < len(items) or self._query is not None
                    return


def refusal(status: int, body: Row) -> CommandError:
    """The error for a refused request: its status, its code, what it says, and the next step."""
    following = body.get("next")
    if status == 401:
        following = f"get a new token, and export {TOKEN_VARIABLE}=… or give it with --token"
    missing = body.get("permission")
    lacks = f" ({missing})" if missing and str(missing) not in str(body.get("error")) else ""
    return CommandError(
        _EXITS.get(status, Exit.FAILED), f"{status} {body['code']}: {body.get('error')}{lacks}", following
    )


def _pause(answer: httpx2.Response) -> float | None:
    """Seconds after which a request may be sent again; None if it is not to be repeated."""
    if answer.status_code not in BUSY:
        return None
    with suppress(ValueError):
        return min(max(float(answer.headers.get("retry-after", "")), 0.1), PATIENCE_SECONDS)
    return None


def _decoded(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
