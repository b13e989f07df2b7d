"""The API description in the words of the contract: path parameters are called there as here, but in camel case."""

import re

from litestar.openapi.spec import OpenAPI, Parameter

_SNAKE = re.compile(r"_([a-z])")
_METHODS = ("get", "post", "patch", "put", "delete")


def name_parameters_as_the_contract(document: OpenAPI) -> None:
    """Rename ``{tenant_id}`` to ``{tenantId}`` and so on, in the paths and in the parameters of each operation."""
    paths = document.paths or {}
    document.paths = {_camel(path): item for path, item in paths.items()}
    for item in document.paths.values():
        for method in _METHODS:
            operation = getattr(item, method)
            for parameter in (operation.parameters or []) if operation is not None else []:
                if isinstance(parameter, Parameter) and parameter.param_in == "path":
                    parameter.name = _camel(parameter.name)


def _camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), name)
