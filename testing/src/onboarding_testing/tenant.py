"""A tenant of the platform in a test, with its customer at the Microsoft emulator."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx2

from onboarding_devstack.cli.demo.customer import customer_of
from onboarding_devstack.system import DEMO_CLIENT_ID, DEMO_CREDENTIAL

ENDED = ("succeeded", "failed", "cancelled", "timed_out")
"""The states of a run that has ended."""
_LOOK_EVERY = 0.1


class Refused(Exception):
    """A request was refused: ``status``, the stable ``code``, and the ``body`` of the answer."""

    def __init__(self, answer: httpx2.Response) -> None:
        try:
            body: Any = answer.json()
        except ValueError:
            body = None
        self.status = answer.status_code
        self.body: dict[str, Any] = body if isinstance(body, dict) else {}
        self.code = str(self.body.get("code", ""))
        words = [str(self.status), self.code, str(self.body.get("error", answer.text[:200])), self.body.get("next")]
        super().__init__(
            f"{answer.request.method} {answer.request.url}: {' '.join(str(word) for word in words if word)}"
        )


class Tenant:
    """One tenant, seen by a user who has all permissions in it; nobody else uses it.

    ``id`` is the tenant id of the platform, ``external_id`` that of its customer at Microsoft. ``client`` sends
    requests below ``/tenants/{id}/onboarding`` with a token: ``tenant.client.get("/evidence")``.
    """

    def __init__(self, id: int, *, api_url: str, graph_url: str, token: str, bind: Callable[[int], None]) -> None:
        self.id = id
        self.external_id = customer_of(id)
        self.token = token
        self._graph_url = graph_url
        self._bind = bind
        # Plain HTTP on this machine: neither a proxy nor certificate authorities are wanted.
        self.client = httpx2.Client(
            base_url=f"{api_url}/tenants/{id}/onboarding",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            verify=False,
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def behave(self, behaviour: str = "healthy", **control: Any) -> None:
        """Set what the customer's tenant is like at Microsoft: ``healthy``, ``unlicensed``, ``throttling``, … .

        It has consented to the application unless ``consented=[]`` is given. ``control`` are further options of the
        emulator, such as ``times=2`` and ``retry_after=1`` of ``throttling`` (docs/command-line.md).
        """
        body = {"behaviour": behaviour, "consented": [DEMO_CLIENT_ID], **control}
        _checked(self.client.put(f"{self._graph_url}/_control/tenants/{self.external_id}", json=body))

    def connect(self, behaviour: str | None = "healthy", **control: Any) -> int:
        """Bind the tenant to its customer and create a provider connection; returns the id of the connection.

        The customer's tenant behaves as `behave` says; with ``None`` as it did before.
        """
        self._bind(self.id)
        if behaviour is not None:
            self.behave(behaviour, **control)
        body = {
            "display_name": f"Customer of tenant {self.id}",
            "external_tenant_id": self.external_id,
            "client_id": DEMO_CLIENT_ID,
            "credential_ref": DEMO_CREDENTIAL,
        }
        return int(_checked(self.client.post("/provider-connections", json=body)).json()["id"])

    def open_session(self) -> dict[str, Any]:
        """Open an onboarding session, or resume the open one; returns it."""
        return dict(_checked(self.client.post("/session")).json())

    def start(self, task_type: str, inputs: Mapping[str, Any] | None = None) -> int:
        """Start a task; returns the id of its run. Raises ``Refused``."""
        body = None if inputs is None else {"inputs": dict(inputs)}
        return int(_checked(self.client.post(f"/tasks/{task_type}/runs", json=body)).json()["run_id"])

    def run(self, run_id: int) -> dict[str, Any]:
        """A run as it is now."""
        return dict(_checked(self.client.get(f"/runs/{run_id}")).json())

    def ended(self, run_id: int, *, timeout: float = 60.0) -> dict[str, Any]:
        """Wait for the end of a run; returns it. Raises ``TimeoutError`` with its present state."""
        deadline = time.monotonic() + timeout
        while (run := self.run(run_id))["state"] not in ENDED:
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id} has not ended within {timeout:g} s: it is {run['state']}")
            time.sleep(_LOOK_EVERY)
        return run

    def evidence(self, run_id: int, *, timeout: float = 30.0) -> dict[str, Any]:
        """Wait for the evidence of a run; returns it. Raises ``TimeoutError``."""
        deadline = time.monotonic() + timeout
        while not (items := _checked(self.client.get("/evidence", params={"run": run_id})).json()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"there is no evidence of run {run_id} within {timeout:g} s")
            time.sleep(_LOOK_EVERY)
        return dict(items[0])


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if not answer.is_success:
        raise Refused(answer)
    return answer
