from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from onboarding_devstack.cli.app import run
from onboarding_devstack.cli.operate import client
from onboarding_devstack.cli.operate.client import Client
from onboarding_devstack.cli.operate.deployment import Deployment, target_of

ADDRESS = "https://onboarding.example"
Answer = Callable[[httpx2.Request], httpx2.Response]


class Api:
    """Imitates session-api: answers by method and path, and remembers the requests."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        self.requests: list[httpx2.Request] = []

    def gives(self, path: str, body: Any, *, method: str = "GET", status: int = 200, **headers: str) -> None:
        """Answer requests for a path with this body."""
        self.answers[method, path] = lambda _: httpx2.Response(status, json=body, headers=headers)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self.answers[request.method, request.url.path](request)

    def asked(self) -> list[str]:
        """Each request as `METHOD path?query`."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def command(self, *arguments: str) -> int:
        """Run a command against this API; returns its exit code."""
        return run([*arguments, "--address", ADDRESS, "--token", "a-token"])


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    imitated = Api()

    def client_of(deployment: Deployment) -> Client:
        return Client(target_of(deployment), httpx2.MockTransport(imitated.answer))

    monkeypatch.setattr(client, "client_of", client_of)
    return imitated
