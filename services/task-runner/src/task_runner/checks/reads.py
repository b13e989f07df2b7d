"""Several reads of a tenant that are needed together."""

from collections.abc import Sequence

from task_runner.providers.fields import Fields
from task_runner.tasks.graph import Graph, Read
from task_runner.tasks.result import CannotTell


async def read_together(graph: Graph, reads: Sequence[Read]) -> tuple[Fields, ...]:
    """Return the body of each read, in one request if possible. Raise ``CannotTell`` if one of them was refused."""
    bodies: list[Fields] = []
    for read, body in zip(reads, await graph.read_many(reads), strict=True):
        if isinstance(body, CannotTell):
            raise body
        bodies.append(Fields(body, read.path))
    return tuple(bodies)
