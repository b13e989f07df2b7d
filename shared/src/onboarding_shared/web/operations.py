"""Parameters and response headers that operations of several services describe alike."""

from typing import Annotated

from litestar.datastructures import ResponseHeader
from litestar.openapi.spec import Example
from litestar.params import PathParameter

TenantId = Annotated[
    int, PathParameter(description="A tenant that the caller's token includes.", examples=[Example(value=42)])
]
LINK = ResponseHeader(
    name="Link",
    description="Leads to the next page, with rel=next (RFC 8288); absent on the last page.",
    documentation_only=True,
)
LOCATION = ResponseHeader(
    name="Location", description="The address of what the answer describes.", documentation_only=True
)
