"""A dry run sends reads alone."""

import httpx2

from task_runner.tasks.result import TaskFault

DRY_RUN_WRITE_REFUSED = "DRY_RUN_WRITE_REFUSED"
_READS = frozenset({"GET", "HEAD"})


def refuse_write(method: str, url: str) -> None:
    """Raises ``TaskFault`` unless the request is a read."""
    if method.upper() not in _READS:
        where = url.partition("?")[0]
        raise TaskFault(DRY_RUN_WRITE_REFUSED, f"A dry run does not send {method.upper()[:20]} {where[:1000]}.")


async def refuse_write_request(request: httpx2.Request) -> None:
    """The same as an event hook of a client."""
    refuse_write(request.method, str(request.url.copy_with(username=None, password=None)))
