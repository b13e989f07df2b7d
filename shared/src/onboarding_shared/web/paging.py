"""The query parameters of lists that are read page by page."""

from typing import Annotated, Any

from litestar import Request
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from onboarding_shared.web.errors import BadRequest

Limit = Annotated[
    int,
    QueryParameter(
        name="limit", ge=1, le=200, description="How many items at most, 1..200.", examples=[Example(value=50)]
    ),
]
DEFAULT_LIMIT = 50


def refuse_nulls(request: Request[Any, Any, Any], **values: object) -> None:
    """Litestar reads ``session=null`` as no filter at all, which would answer with what was not asked for."""
    for name, value in values.items():
        if value is None and name in request.query_params:
            raise BadRequest("INVALID_PARAMETER", f"{name}: null is no value here", extra={"field": name})
