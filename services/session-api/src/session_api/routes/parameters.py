"""The path parameters of this API."""

from typing import Annotated

from litestar.openapi.spec import Example
from litestar.params import PathParameter

SessionId = Annotated[
    int, PathParameter(description="Id of an onboarding session of the tenant.", examples=[Example(value=3)])
]
RunId = Annotated[int, PathParameter(description="Id of a run of the tenant.", examples=[Example(value=17)])]
ConnectionId = Annotated[
    int, PathParameter(description="Id of a provider connection of the tenant.", examples=[Example(value=5)])
]
ConsentRequestId = Annotated[
    int, PathParameter(description="A consent request of the tenant.", examples=[Example(value=12)])
]
EvidenceId = Annotated[
    int, PathParameter(description="Id of an item of evidence of the tenant.", examples=[Example(value=205)])
]
Step = Annotated[int, PathParameter(description="Number of a wizard step, 1..5.", examples=[Example(value=2)])]
TaskType = Annotated[
    str,
    PathParameter(
        description="Name of a task type, see GET /onboarding/task-types.",
        examples=[Example(value="license.inventory")],
    ),
]
