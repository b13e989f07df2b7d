"""Runs of several customers: cancel or retry chosen ones together, each with the permission of its own tenant."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from onboarding_shared.contracts.types import Id, RunState
from onboarding_shared.web.errors import CODES as COMMON_CODES
from onboarding_shared.web.errors import Problem
from onboarding_shared.web.identity import Caller, Permissions, authorize
from session_api.routes.idempotency import IdempotencyKey, answer_once
from session_api.routes.links import Links
from session_api.routes.problems import CODES, retry_problem, run_ended, run_not_found
from session_api.store.runs import RunName
from session_api.use_cases.runs import CancelAnswer, Cancellations, Retries, RetryAnswer, RunEnded
from session_api.use_cases.starts import Accepted

MOST_RUNS = 100


class ChosenRun(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A run by its tenant and its id."""

    tenant_id: Id
    run_id: Id


class ChosenRuns(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The runs to change, each with the permission ``onboarding.run`` of its tenant."""

    runs: Annotated[list[ChosenRun], Meta(min_length=1, max_length=MOST_RUNS)]


class RunRefusal(Struct, kw_only=True):
    """Why a run was not changed: what the operation on this run alone would have answered."""

    code: str
    error: str
    next: str


class CancelledRun(Struct, kw_only=True):
    """The state of a run after its cancellation was requested, or why it was not."""

    tenant_id: int
    run_id: int
    state: RunState | None
    error: RunRefusal | None


class RetriedRun(Struct, kw_only=True):
    """The run that repeats an ended one, or why there is none."""

    tenant_id: int
    run_id: int
    new_run_id: int | None
    error: RunRefusal | None


class BulkRunRoutes(Controller):
    """The operations that change several runs in one transaction."""

    path = "/onboarding/runs"
    tags = ("runs",)

    cancellations: Cancellations
    retries: Retries
    links: Links

    @post("/cancel", status_code=200, summary="Cancel runs of several customers", operation_id="cancelRuns")
    async def cancel_runs(self, data: JSONBody[ChosenRuns], caller: NamedDependency[Caller]) -> list[CancelledRun]:
        """Request the cancellation of each run in one transaction. Return one result for each. Safe to repeat."""
        allowed, refused = _by_permission(caller, data.runs)
        answers = await self.cancellations.cancel_all(allowed, caller.user_id)
        results = refused | {name: _state_of(answer) for name, answer in zip(allowed, answers, strict=True)}
        return [_cancelled(run, results[_name(run)]) for run in data.runs]

    @post("/retry", status_code=200, summary="Retry ended runs of several customers", operation_id="retryRuns")
    async def retry_runs(
        self, request: Request[Caller, Any, Any], data: JSONBody[ChosenRuns], key: IdempotencyKey = None
    ) -> Response[list[RetriedRun]]:
        """Start the task of each run once more in one transaction. Return one result for each.

        ``new_run_id`` is the run that was created, or the active one that was reused.
        """
        allowed, refused = _by_permission(request.user, data.runs)

        def respond(answers: Sequence[RetryAnswer]) -> Response[list[RetriedRun]]:
            pairs = zip(allowed, answers, strict=True)
            results = refused | {name: _new_run_of(answer, name[0], self.links) for name, answer in pairs}
            return Response([_retried(run, results[_name(run)]) for run in data.runs])

        user_id = request.user.user_id
        return await answer_once(request, key, lambda once: self.retries.retry_all(allowed, user_id, once), respond)


def _by_permission(caller: Caller, runs: Sequence[ChosenRun]) -> tuple[list[RunName], dict[RunName, Problem]]:
    """The runs that the caller may change, each once, and for the others why not."""
    allowed: list[RunName] = []
    refused: dict[RunName, Problem] = {}
    for name in dict.fromkeys(_name(run) for run in runs):
        try:
            authorize(caller, name[0], Permissions.RUN)
            allowed.append(name)
        except Problem as problem:
            refused[name] = problem
    return allowed, refused


def _name(run: ChosenRun) -> RunName:
    return run.tenant_id, run.run_id


def _state_of(answer: CancelAnswer) -> RunState | Problem:
    if answer is None:
        return run_not_found()
    return run_ended(answer) if isinstance(answer, RunEnded) else answer.state


def _new_run_of(answer: RetryAnswer, tenant_id: int, links: Links) -> int | Problem:
    return answer.run_id if isinstance(answer, Accepted) else retry_problem(answer, tenant_id, links)


def _retried(run: ChosenRun, result: int | Problem) -> RetriedRun:
    if isinstance(result, Problem):
        return RetriedRun(tenant_id=run.tenant_id, run_id=run.run_id, new_run_id=None, error=_refusal(result))
    return RetriedRun(tenant_id=run.tenant_id, run_id=run.run_id, new_run_id=result, error=None)


def _cancelled(run: ChosenRun, result: RunState | Problem) -> CancelledRun:
    if isinstance(result, Problem):
        return CancelledRun(tenant_id=run.tenant_id, run_id=run.run_id, state=None, error=_refusal(result))
    return CancelledRun(tenant_id=run.tenant_id, run_id=run.run_id, state=result, error=None)


def _refusal(problem: Problem) -> RunRefusal:
    following = problem.next or {**COMMON_CODES, **CODES}[problem.code]
    return RunRefusal(code=problem.code, error=problem.message, next=following)
