"""Litestar controllers that are given the parts of their service when the service is wired."""

from inspect import get_annotations
from typing import TypeVar

from litestar import Controller

Routes = TypeVar("Routes", bound=Controller)


def with_parts(controller: type[Routes], **parts: object) -> type[Routes]:
    """The controller with these values in the attributes that its class body declares without a value.

    The parts are attributes because they never change: as dependencies, Litestar would look them up in a task group for
    each request, which takes longer than routing it. Raises ``TypeError`` for a part that is missing or not declared.
    """
    declared = {name for name in get_annotations(controller) if not hasattr(controller, name)}
    if declared != parts.keys():
        raise TypeError(f"{controller.__name__} has the parts {sorted(declared)}, not {sorted(parts)}")
    return type(controller.__name__, (controller,), {**parts, "__doc__": controller.__doc__})
