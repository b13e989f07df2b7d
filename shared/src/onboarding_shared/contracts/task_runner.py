"""Messages of task-runner: the progress and the result of a run, and the installed task types."""

from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct, field

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_TYPES, Topic
from onboarding_shared.contracts.types import (
    AttemptNumber,
    CheckStatus,
    Count,
    Id,
    Licence,
    LongText,
    Mode,
    Moment,
    ReasonCode,
    RunState,
    Scope,
    ShortText,
    StepNumber,
    TaskTypeName,
)

OFFERED_INPUTS = "offered_inputs"
"""The member of a payload with values for inputs of later runs."""


MOST_UNUSABLE = 100
"""The number of packages and tasks that one announcement names as unusable."""
MOST_REASONS = 50
"""The number of reason codes that one task may declare."""
ReasonText = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*\Z")]


class Progress(Struct, frozen=True, kw_only=True):
    """The progress of a run: ``done`` of ``total`` units (``total`` None = unknown)."""

    done: Count = 0
    total: Count | None = None
    message: ShortText | None = None


class RunMessage(Message, frozen=True, kw_only=True):
    """An event of a run."""

    topic: ClassVar[Topic] = OPERATION_RUNS

    run_id: Id
    task_type: TaskTypeName
    attempt: AttemptNumber

    @property
    def subject(self) -> str:
        return f"runs/{self.run_id}"


class RunStarted(RunMessage, frozen=True, kw_only=True):
    """A worker claimed the run; ``attempt`` counts from 1. Not sent for an attempt that ends or waits at once."""

    started_at: Moment


class RunProgressed(RunMessage, frozen=True, kw_only=True):
    """The state of an unfinished run. Also the response to a repeated command while the run has not ended.

    ``reason_code`` and ``message`` are those of a wait: the event that is awaited, and what helps it along.
    ``offered_inputs`` are values for inputs of later runs, as the payload member of the same name in ``RunFinished``.
    ``started_at`` is the first claim.
    """

    state: RunState
    progress: Progress | None = None
    reason_code: ReasonCode | None = None
    resume_at: Moment | None = None
    message: LongText | None = None
    offered_inputs: dict[str, Any] | None = None
    started_at: Moment | None = None


class RunFinished(RunMessage, frozen=True, kw_only=True):
    """The run ended, exactly once; it is repeated until the evidence store confirms it.

    ``state`` is terminal. ``status`` is the result of the check: ``unknown`` if it could not be determined.
    """

    state: RunState
    session_id: Id | None = None
    provider_connection_id: Id | None = None
    status: CheckStatus
    reason_code: ReasonCode
    message: LongText | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    started_at: Moment | None = None
    finished_at: Moment


class DeclaredReason(Struct, frozen=True, kw_only=True):
    """A reason code of a task package: what it means, and what helps.

    ``status`` is the status of its results, None if that depends, or for a wait or a fault. ``retryable``: a later run
    may succeed without a change in the tenant. ``link`` is the address of a page about it.
    """

    code: ReasonCode
    status: CheckStatus | None = None
    meaning: ReasonText
    retryable: bool = False
    remediation: ReasonText
    link: Annotated[str, Meta(max_length=200, pattern=r"^https:/{2}[^\x00-\x20]*\Z")] | None = None


class TaskTypeDeclaration(Struct, frozen=True, kw_only=True):
    """The declaration of a task type by its author. The next step requires the ``required`` ones.

    ``time_limit_seconds`` limits one attempt, ``wait_limit_seconds`` all waiting of a run, counted from its start;
    ``fresh_seconds`` is the validity of its evidence. Without ``licence`` the customer's tenant needs none.
    ``inputs_schema`` is the JSON Schema of the inputs of its runs, at most 16 KiB; without it a run has none. A task
    with ``supports_dry_run`` can be run without changing anything. ``inputs_from``: an input that a start omits has
    the value that the latest run of this task type offered, in the same session and for the same connection.
    ``reasons`` are reason codes that are not the product's.
    """

    name: TaskTypeName
    title: ShortText
    description: LongText = ""
    step: StepNumber
    scope: Scope
    mode: Mode
    required: bool = True
    permissions: tuple[ShortText, ...] = ()
    licence: Licence | None = None
    time_limit_seconds: Annotated[float, Meta(gt=0)]
    max_attempts: Annotated[int, Meta(ge=1)] = 1
    fresh_seconds: Annotated[float, Meta(gt=0)] = 604_800.0
    wait_limit_seconds: Annotated[float, Meta(gt=0)] = 2_592_000.0
    distribution: ShortText = ""
    version: ShortText = ""
    inputs_schema: dict[str, Any] | None = None
    supports_dry_run: bool = False
    inputs_from: dict[str, TaskTypeName] = field(default_factory=dict)
    reasons: Annotated[tuple[DeclaredReason, ...], Meta(max_length=MOST_REASONS)] = ()


class UnusableTasks(Struct, frozen=True, kw_only=True):
    """Tasks of an installed package that the runner cannot run, and why.

    ``task_types`` are those whose names are known: not of a package that cannot be imported.
    """

    distribution: ShortText = ""
    task_types: tuple[TaskTypeName, ...] = ()
    problem: LongText


class TaskTypesAnnounced(Message, frozen=True, kw_only=True):
    """The installed task types of a runner, and those it cannot use; published at its start and every minute."""

    topic: ClassVar[Topic] = TASK_TYPES

    task_types: tuple[TaskTypeDeclaration, ...]
    unusable: Annotated[tuple[UnusableTasks, ...], Meta(max_length=MOST_UNUSABLE)] = ()


RunEventMessage = RunStarted | RunProgressed | RunFinished
