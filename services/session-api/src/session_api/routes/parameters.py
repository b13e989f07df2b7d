"""The path parameters of this API, as its page describes them."""

from typing import Annotated

from litestar.openapi.spec import Example
from litestar.params import PathParameter

SessionId = Annotated[int, PathParameter(description="An onboarding session.", examples=[Example(value=3)])]
RunId = Annotated[int, PathParameter(description="A run of the tenant.", examples=[Example(value=17)])]
ConnectionId = Annotated[
    int, PathParameter(description="A provider connection of the tenant.", examples=[Example(value=5)])
]
ConsentRequestId = Annotated[
    int, PathParameter(description="A consent request of the tenant.", examples=[Example(value=12)])
]
EvidenceId = Annotated[
    int, PathParameter(description="An item of evidence of the tenant.", examples=[Example(value=205)])
]
Step = Annotated[int, PathParameter(description="A step of the wizard, 1..5.", examples=[Example(value=2)])]
TaskType = Annotated[
    str,
    PathParameter(
        description="A task type: GET /onboarding/task-types lists them.", examples=[Example(value="license.inventory")]
    ),
]
