"""Dead letters over HTTP: list, show, replay, discard. For operators of the platform."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import structs

from onboarding_shared.contracts.dead_letters import DeadLetterState
from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions, GroupOutcome
from onboarding_shared.messaging.dead_letter_bodies import (
    DeadLetter,
    DeadLetterCause,
    DeadLetterDetails,
    DeadLetterDiscardResult,
    DeadLetterGroup,
    DeadLetterGroupResult,
    DeadLetterReplayResult,
    details_body,
    letter_body,
)
from onboarding_shared.messaging.dead_letter_replay import AlreadyHandled, NoSuchLetter, NotReplayable
from onboarding_shared.messaging.dead_letter_rows import LetterFilter
from onboarding_shared.web.dead_letter_problems import (
    dead_letter_handled,
    dead_letter_not_found,
    dead_letter_not_replayable,
)
from onboarding_shared.web.errors import Problem
from onboarding_shared.web.identity import Caller, requires_platform
from onboarding_shared.web.operations import LINK
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit, refuse_nulls

PATH = "/onboarding/dead-letters"
_ONE = "/{dead_letter_id:int}"

DeadLetterId = Annotated[int, PathParameter(description="A dead letter of the service.", examples=[Example(value=12)])]
SourceTopic = Annotated[
    str | None,
    QueryParameter(
        name="source_topic",
        max_length=200,
        description="Only records of this topic.",
        examples=[Example(value="onboarding.operation-runs.v1")],
    ),
]
Reason = Annotated[
    str | None,
    QueryParameter(
        name="reason_code",
        max_length=64,
        description="Only records that were rejected for this reason.",
        examples=[Example(value="APPLY_FAILED")],
    ),
]
State = Annotated[
    DeadLetterState | None,
    QueryParameter(name="state", description="Only those of this state.", examples=[Example(value="kept")]),
]
Before = Annotated[
    int,
    QueryParameter(
        name="before",
        ge=1,
        le=MAX_ID,
        description="Only those with smaller ids; the Link header has it for the next page.",
        examples=[Example(value=12)],
    ),
]


def own_service() -> None:
    """The service that is asked answers. A service that passes requests on declares its parameters here instead."""


class DeadLetterRoutes(Controller):
    """The operations under ``/onboarding/dead-letters``."""

    path = PATH
    tags = ("dead letters",)
    guards = (requires_platform(),)
    dependencies = {"place": Provide(own_service, sync_to_thread=False)}  # noqa: RUF012 - as Litestar declares it

    actions: DeadLetterActions
    public_url: str

    @get(summary="List dead letters, newest first", operation_id="listDeadLetters", response_headers=[LINK])
    async def list_dead_letters(
        self,
        request: Request[Any, Any, Any],
        place: NamedDependency[None],
        source_topic: SourceTopic = None,
        reason_code: Reason = None,
        letter_state: State = None,
        before: Before = MAX_ID,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response[list[DeadLetter]]:
        """Return one page of the records that the service has put aside. The Link header contains the next page."""
        refuse_nulls(request, state=letter_state)
        wanted = LetterFilter(source_topic=source_topic, reason_code=reason_code, state=letter_state)
        letters = await self.actions.list_letters(wanted, before=before, limit=limit + 1)
        headers = {}
        if len(letters) > limit:
            query = {**request.query_params.dict(), "before": str(letters[limit - 1].id)}
            headers["Link"] = f'<{self.public_url}{PATH}?{urlencode(query, doseq=True)}>; rel="next"'
        return Response([letter_body(letter) for letter in letters[:limit]], headers=headers)

    @get("/groups", summary="List dead letters by cause", operation_id="listDeadLetterGroups")
    async def list_dead_letter_groups(self, place: NamedDependency[None]) -> list[DeadLetterGroup]:
        """Return how many dead letters are kept, by topic and reason, the largest group first."""
        return [DeadLetterGroup(**structs.asdict(group)) for group in await self.actions.list_groups()]

    @get(_ONE, summary="Get one dead letter with its record", operation_id="getDeadLetter")
    async def get_dead_letter(self, dead_letter_id: DeadLetterId, place: NamedDependency[None]) -> DeadLetterDetails:
        """Return the dead letter with key, value and headers of its record, as far as they are stored."""
        found = await self.actions.find(dead_letter_id)
        if found is None:
            raise dead_letter_not_found()
        return details_body(*found)

    @post(f"{_ONE}/replay", status_code=200, summary="Replay a dead letter", operation_id="replayDeadLetter")
    async def replay_dead_letter(
        self, dead_letter_id: DeadLetterId, caller: NamedDependency[Caller], place: NamedDependency[None]
    ) -> DeadLetterReplayResult:
        """Apply the record as if it was consumed now. One that was replayed before is a repeat and changes nothing."""
        answer = await self.actions.replay(dead_letter_id, caller.user_id)
        if isinstance(answer, NoSuchLetter | AlreadyHandled | NotReplayable):
            raise _problem(answer)
        return DeadLetterReplayResult(id=dead_letter_id, **structs.asdict(answer))

    @post(f"{_ONE}/discard", status_code=200, summary="Discard a dead letter", operation_id="discardDeadLetter")
    async def discard_dead_letter(
        self, dead_letter_id: DeadLetterId, caller: NamedDependency[Caller], place: NamedDependency[None]
    ) -> DeadLetterDiscardResult:
        """Idempotent. The dead letter can be read until it is removed because of its age."""
        refused = await self.actions.discard(dead_letter_id, caller.user_id)
        if refused is not None:
            raise _problem(refused)
        return DeadLetterDiscardResult(id=dead_letter_id, state=DeadLetterState.DISCARDED)

    @post("/groups/replay", status_code=200, summary="Replay a group", operation_id="replayDeadLetterGroup")
    async def replay_dead_letter_group(
        self, data: JSONBody[DeadLetterCause], caller: NamedDependency[Caller], place: NamedDependency[None]
    ) -> DeadLetterGroupResult:
        """Replay up to 200 dead letters of a topic and reason, in their order. Repeat it while some remain."""
        return _group(await self.actions.replay_group(data.source_topic, data.reason_code, caller.user_id))

    @post("/groups/discard", status_code=200, summary="Discard a group", operation_id="discardDeadLetterGroup")
    async def discard_dead_letter_group(
        self, data: JSONBody[DeadLetterCause], caller: NamedDependency[Caller], place: NamedDependency[None]
    ) -> DeadLetterGroupResult:
        """Discard up to 200 dead letters of a topic and reason, the oldest first. Repeat it while some remain."""
        return _group(await self.actions.discard_group(data.source_topic, data.reason_code, caller.user_id))


def _group(outcome: GroupOutcome) -> DeadLetterGroupResult:
    return DeadLetterGroupResult(**structs.asdict(outcome))


def _problem(refused: NoSuchLetter | AlreadyHandled | NotReplayable) -> Problem:
    match refused:
        case NoSuchLetter():
            return dead_letter_not_found()
        case AlreadyHandled():
            return dead_letter_handled(refused.state.value)
        case NotReplayable():
            return dead_letter_not_replayable(refused.obstacle.sentence)
