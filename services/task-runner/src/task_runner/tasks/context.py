"""The context of a running task."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from onboarding_shared.contracts.session_api import TaskConnection as Connection
from onboarding_shared.contracts.task_runner import Progress
from onboarding_shared.telemetry.known_secrets import hide_known
from task_runner.tasks.gdap_profile import NO_GDAP_CHOICES, GdapProfile
from task_runner.tasks.graph import Graph, GraphRecord
from task_runner.tasks.payload import shown_text
from task_runner.tasks.result import CannotTell, TaskFault

if TYPE_CHECKING:
    import httpx2

__all__ = ["Connection", "ProgressReport", "TaskContext"]

ProgressReport = Callable[[Progress], Awaitable[None]]

MAX_PROGRESS_MESSAGE = 200


async def ignore_progress(progress: Progress) -> None:
    """Discard the progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """Facts about a run besides its ids.

    ``since_wake`` is in seconds from the last ResumeTask, at the start of the attempt, None if there was none;
    ``since_due`` is in seconds from when the attempt was due, None = not known; ``uncounted`` is the number of earlier
    attempts that do not count for the retry policy;
    ``previously_ok`` is true if the latest result of this task on this connection, apart from ``unknown`` ones, was
    ``ok`` or ``warn``; ``inputs`` and ``settings`` are the structs that the task declares, None if it declares none; a
    ``dry_run`` must not change anything.
    """

    since_wake: float | None = None
    since_due: float | None = None
    uncounted: int = 0
    previously_ok: bool = False
    inputs: Any = None
    settings: Any = None
    dry_run: bool = False


NO_DETAILS = RunDetails()


@dataclass(frozen=True, kw_only=True)
class Clients:
    """The clients of an attempt: ``graph`` is None without a connection, ``report`` is awaited with each progress.

    ``record`` has the responses of all of them.
    """

    open_http: "Callable[[], httpx2.AsyncClient]"
    graph: Graph | None
    record: GraphRecord | None = None
    partner_graph: Graph | None = None
    emergency_access: frozenset[str] = frozenset()
    gdap: GdapProfile = NO_GDAP_CHOICES
    report: ProgressReport = ignore_progress
    close: "Callable[[], None]" = lambda: None
    """Called at the end of the attempt."""


class TaskContext:
    """One attempt of one run.

    ``tenant_id`` is the platform's tenant, ``connection`` the connection to the customer's tenant or None,
    ``attempt`` counts from 1, ``cancelled`` is set on a cancellation, ``deadline`` is the moment on
    ``time.monotonic()`` at which the attempt is over, and ``details`` is what else is known about the run.
    """

    def __init__(
        self,
        *,
        tenant_id: int,
        run_id: int,
        attempt: int,
        connection: Connection | None,
        clients: Clients,
        deadline: float,
        cancelled: asyncio.Event | None = None,
        details: RunDetails = NO_DETAILS,
    ) -> None:
        self.tenant_id = tenant_id
        self.run_id = run_id
        self.attempt = attempt
        self.connection = connection
        self._clients = clients
        self.deadline = deadline
        self.cancelled = cancelled or asyncio.Event()
        self.details = details

    @property
    def inputs(self) -> Any:
        """The inputs of the run as the struct that the task declares, None if it declares none."""
        return self.details.inputs

    @property
    def settings(self) -> Any:
        """The settings of the operator as the struct that the task declares, None if it declares none."""
        return self.details.settings

    @property
    def dry_run(self) -> bool:
        """True if the run must not change anything: ``graph`` and ``http`` refuse every request that is not a read."""
        return self.details.dry_run

    @cached_property
    def http(self) -> "httpx2.AsyncClient":
        """An HTTP client of this attempt, with timeouts, a size limit and its own cookies. It follows no redirects.

        The evidence names its responses as those of Microsoft Graph, but no query, credential or header.
        """
        return self._clients.open_http()

    @property
    def graph(self) -> Graph:
        """Microsoft Graph in the customer's tenant. Raise ``TaskFault`` if the run has no provider connection."""
        if self._clients.graph is None:
            raise TaskFault("PROVIDER_CONNECTION_MISSING", "The run has no provider connection.")
        return self._clients.graph

    @property
    def partner_graph(self) -> Graph:
        """Microsoft Graph in the partner tenant, with the application of the provider connection.

        Raise ``CannotTell`` if the partner tenant is not configured, ``TaskFault`` as ``graph``.
        """
        if self._clients.graph is None:
            return self.graph
        if self._clients.partner_graph is None:
            message = "The partner tenant is not configured: ONBOARDING_PARTNER_TENANT_ID of task-runner is not set."
            raise CannotTell("PARTNER_TENANT_MISSING", message)
        return self._clients.partner_graph

    @property
    def record(self) -> GraphRecord | None:
        """The responses that were received; None without a provider connection while there is none."""
        record = self._clients.record
        return record if self._clients.graph is not None or (record is not None and record.first_at) else None

    def close(self) -> None:
        """Give back the memory that is counted for answers. The worker calls it at the end of the attempt."""
        self._clients.close()

    @property
    def gdap(self) -> GdapProfile:
        """The operator's choices for delegated administration."""
        return self._clients.gdap

    @property
    def emergency_access(self) -> frozenset[str]:
        """Object ids, in lower case, of the customer's configured emergency access accounts and groups."""
        return self._clients.emergency_access

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - time.monotonic())

    async def progress(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Report progress: ``done`` of ``total`` units, and the current activity, truncated to 200 characters.

        Raise ``ValueError`` unless 0 <= done <= total.
        """
        if done < 0 or (total is not None and done > total):
            raise ValueError(f"Progress must satisfy 0 <= done <= total, not {done} of {total}")
        text = None if message is None else hide_known(shown_text(message, MAX_PROGRESS_MESSAGE))
        await self._clients.report(Progress(done=done, total=total, message=text))
