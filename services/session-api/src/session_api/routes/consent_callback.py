"""The address to which Microsoft sends the administrator's browser. It needs no token, and a call proves nothing."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import structlog
from litestar import Controller, MediaType, Request, Response, get

from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.route_rules import ANY_QUERY
from session_api.domain.consent import ConsentAnswer
from session_api.routes.consent_links import CALLBACK
from session_api.routes.consent_pages import HEADERS, PAGES, UNAVAILABLE, UNKNOWN, ConsentPage
from session_api.use_cases.consents import Consents

MAX_QUERY_BYTES, MAX_PARAMETERS = 8192, 20
MAX_LENGTHS = {"state": 100, "tenant": 36, "admin_consent": 10, "error": 200}

_log = structlog.get_logger(__name__)


class ConsentCallback(Controller):
    """The answer of Microsoft's consent page, as a request of a browser."""

    path = CALLBACK

    consents: Consents

    @get(include_in_schema=False, opt={ANY_QUERY: True})
    async def come_back(self, request: Request[Any, Any, Any]) -> Response[str]:
        """Records what the answer claims; the check that follows finds out whether it is true."""
        answer = read_answer(request.scope["query_string"])
        if answer is None or not answer.get("state"):
            return _response(UNKNOWN)
        claim = ConsentAnswer(answer.get("tenant"), answer.get("admin_consent"), answer.get("error"))
        try:
            claimed = await self.consents.answer(answer["state"], claim)
        except DatabaseUnavailable as error:
            _log.warning("consent_answer_lost", reason=str(error))
            return _response(UNAVAILABLE)
        return _response(UNKNOWN if claimed is None else PAGES[claimed])


def read_answer(query: bytes) -> Mapping[str, str] | None:
    """The parameters that count; None where one of them is repeated or longer than it can be."""
    if len(query) > MAX_QUERY_BYTES:
        return None
    try:
        given = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return None
    answer: dict[str, str] = {}
    for name, value in given:
        if name in MAX_LENGTHS:
            if name in answer or len(value) > MAX_LENGTHS[name]:
                return None
            answer[name] = value
    return answer


def _response(page: ConsentPage) -> Response[str]:
    return Response(page.html, status_code=page.status, media_type=MediaType.HTML, headers=HEADERS)
