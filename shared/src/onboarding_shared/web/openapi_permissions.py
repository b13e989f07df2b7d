"""Adds to the OpenAPI document the permission that each operation needs."""

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Operation, PathItem
from litestar.routes import HTTPRoute

from onboarding_shared.web.identity import PlatformPermission, TenantPermission

TOKEN_SCHEME = "token"  # noqa: S105 (the name of the scheme, not a token)
UNRESTRICTED = "Needs a token, and no permission."
PUBLIC = "Needs no token."


def describe_permissions(app: Litestar) -> None:
    """Say in description and security of each operation which permission its caller needs.

    OpenAPI 3.1 lets a bearer scheme list what a token must have, as it does the scopes of OAuth2.
    """
    paths = app.openapi_schema.paths or {}
    for route in app.routes:
        item = paths.get(route.path_format) if isinstance(route, HTTPRoute) else None
        if isinstance(route, HTTPRoute) and item is not None:
            _describe(item, route)


def _describe(item: PathItem, route: HTTPRoute) -> None:
    for method, (handler, _) in route.route_handler_map.items():
        operation = getattr(item, method.lower(), None)
        if isinstance(operation, Operation):
            said, permission = needed(handler, operation)
            operation.description = f"{operation.description or ''}\n\n{said}".strip()
            if permission is not None:
                operation.security = [{TOKEN_SCHEME: [permission]}]


def needed(handler: HTTPRouteHandler, operation: Operation) -> tuple[str, str | None]:
    """The condition on the caller in words, and the permission if there is one."""
    for guard in handler.resolve_guards():
        if isinstance(guard, TenantPermission):
            return f"Needs the permission `{guard.permission}` in the tenant.", guard.permission
        if isinstance(guard, PlatformPermission):
            return f"Needs the permission `{guard.permission}`.", guard.permission
    return (PUBLIC if operation.security == [{}] else UNRESTRICTED), None
