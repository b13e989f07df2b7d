"""Streams of events: what happens to one customer, or to all of the caller's."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter

from onboarding_shared.web.errors import DependencyDown, Problem, TooManyRequests
from onboarding_shared.web.event_streams import MEDIA_TYPE, EventStream, NoPlace, StreamPlaces
from onboarding_shared.web.identity import Authenticator, Caller, Permissions, requires
from onboarding_shared.web.operations import TenantId
from session_api.use_cases.live_feed import FeedUnavailable, LiveFeed, LiveStream, count_cut_off

LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        description="The id of the last event that was read: the stream goes on after it, or begins with a reload.",
        examples=[Example(value="kYx0l2Vv9QmTqY5cBq8JpUeSZl3yVb1tq7m0o8Xh5nq1rJ4a2gkD")],
    ),
]


_RETRY_SECONDS = 5.0


def no_place(refused: NoPlace) -> Problem:
    """The problem of a caller, or of a process, that has too many streams open."""
    if refused.of_caller:
        message = "The caller has as many streams open as it may"
        return TooManyRequests("TOO_MANY_STREAMS", message, retry_after=_RETRY_SECONDS)
    return DependencyDown("STREAMS_FULL", "No further stream can be opened here", retry_after=_RETRY_SECONDS)


class EventRoutes(Controller):
    """Streams of one customer and of all customers of the caller."""

    path = "/"
    tags = ("events",)

    feed: LiveFeed
    places: StreamPlaces
    authenticator: Authenticator

    @get(
        "/tenants/{tenant_id:int}/onboarding/events",
        guards=[requires(Permissions.READ)],
        media_type=MEDIA_TYPE,
        summary="Follow what happens to a customer",
        operation_id="streamTenantEvents",
    )
    async def stream_tenant(
        self, request: Request[Caller, Any, Any], tenant_id: TenantId, last_event_id: LastEventId = None
    ) -> Response[str]:
        """Send the events of the tenant as they happen: server-sent events, until the token expires."""
        return self._answer(request, tenant_id, last_event_id)

    @get(
        "/onboarding/events",
        media_type=MEDIA_TYPE,
        summary="Follow what happens to all customers of the caller",
        operation_id="streamEvents",
    )
    async def stream_all(self, request: Request[Caller, Any, Any], last_event_id: LastEventId = None) -> Response[str]:
        """Send the events of every tenant that the caller may read: server-sent events, until the token expires."""
        return self._answer(request, None, last_event_id)

    def _answer(
        self, request: Request[Caller, Any, Any], tenant_id: int | None, last_event_id: str | None
    ) -> Response[str]:
        caller, authorization = request.user, request.headers.get("authorization")

        def may_read(tenant_id: int) -> bool:
            return caller.may(tenant_id, Permissions.READ)

        async def open_stream() -> LiveStream:
            try:
                return await self.feed.open(tenant_id, may_read, last_event_id or None)
            except FeedUnavailable as error:
                raise DependencyDown("DEPENDENCY_DOWN", "Events cannot be read at present") from error

        async def check_token() -> None:
            await self.authenticator.authenticate_header(authorization)

        return EventStream(caller, self.places, open_stream, check_token=check_token, count_cut_off=count_cut_off)
