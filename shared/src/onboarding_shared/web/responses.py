"""The response of handlers that answer with more than a body."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from litestar import Response
from litestar.enums import MediaType

Content = TypeVar("Content")


class JsonResponse(Response[Content], Generic[Content]):
    """A JSON response with headers of its own.

    Litestar's constructor takes headers, cookies and encoders of several kinds, and looks for eight calls which it was
    given. Here there are no cookies and encoders, and one kind of headers.
    """

    def __init__(self, content: Content, *, headers: Mapping[str, str], status_code: int | None = None) -> None:
        self.content = content
        self.headers = {**headers}
        self.status_code = status_code
        self.media_type = MediaType.JSON
        self.encoding = "utf-8"
        self.background = None
        self.cookies = []
        self.response_type_encoders = {}
