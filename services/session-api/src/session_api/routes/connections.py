"""Provider connections: create, list, look, disable."""

from typing import Any
from uuid import uuid4

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from onboarding_shared.postgres.database import Database
from onboarding_shared.web.errors import BadRequest
from onboarding_shared.web.identity import Caller, Permissions, requires
from session_api.domain.connections import (
    CREDENTIAL_RULE,
    GUID_RULE,
    Cloud,
    Provider,
    is_credential_reference,
    is_guid,
)
from session_api.routes.links import Links
from session_api.routes.paging import DEFAULT_LIMIT, Cursor, IdPosition, Limit, before_id, link_headers
from session_api.routes.problems import connection_not_found
from session_api.routes.session_bodies import NewProviderConnection, ProviderConnection
from session_api.store.connections import (
    NewConnection,
    StoredConnection,
    find_connection,
    list_connections,
)
from session_api.use_cases.connections import Connections

_ALL = "/tenants/{tenant_id:int}/onboarding/provider-connections"
_ONE = f"{_ALL}/{{connection_id:int}}"
_PERMITTED = [requires(Permissions.CONNECTIONS)]


def connection_routes(connections: Connections, database: Database, links: Links) -> list[HTTPRouteHandler]:
    """The handlers of everything under ``/provider-connections``."""

    @post(_ALL, guards=_PERMITTED, summary="Create a provider connection")
    async def create(
        tenant_id: FromPath[int], data: JSONBody[NewProviderConnection], caller: NamedDependency[Caller]
    ) -> Response[ProviderConnection]:
        made = await connections.create(tenant_id, caller.user_id, _checked(data))
        return Response(_body(made), headers={"Location": links.connection(tenant_id, made.id)})

    @get(_ALL, guards=_PERMITTED, summary="List provider connections, newest first")
    async def list_all(
        request: Request[Any, Any, Any], tenant_id: FromPath[int], limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Response[list[ProviderConnection]]:
        before = before_id(cursor)
        found = await database.run_single(lambda tx: list_connections(tx, tenant_id, before=before, limit=limit + 1))
        page = found[:limit]
        follows = IdPosition(page[-1].id) if len(found) > limit else None
        return Response([_body(one) for one in page], headers=link_headers(request, links, follows))

    @get(_ONE, guards=_PERMITTED, summary="Get a provider connection")
    async def get_one(tenant_id: FromPath[int], connection_id: FromPath[int]) -> ProviderConnection:
        return _found(await database.run_single(lambda tx: find_connection(tx, tenant_id, connection_id)))

    @post(f"{_ONE}/disable", status_code=200, guards=_PERMITTED, summary="Disable a provider connection")
    async def disable(
        tenant_id: FromPath[int], connection_id: FromPath[int], caller: NamedDependency[Caller]
    ) -> ProviderConnection:
        return _found(await connections.disable(tenant_id, connection_id, caller.user_id))

    return [create, list_all, get_one, disable]


def _checked(data: JSONBody[NewProviderConnection]) -> NewConnection:
    """What is wrong is named by its rule; the value is never repeated, since it may be a secret."""
    for field, value in (("external_tenant_id", data.external_tenant_id), ("client_id", data.client_id)):
        if not is_guid(value):
            raise BadRequest("INVALID_FIELD", f"{field} must be {GUID_RULE}", extra={"field": field})
    if not is_credential_reference(data.credential_ref):
        raise BadRequest("CREDENTIAL_NOT_A_REFERENCE", CREDENTIAL_RULE, extra={"field": "credential_ref"})
    return NewConnection(
        creation_key=uuid4(),
        provider=data.provider.value,
        display_name=data.display_name,
        external_tenant_id=data.external_tenant_id.lower(),
        client_id=data.client_id.lower(),
        credential_ref=data.credential_ref,
        cloud=data.cloud.value,
    )


def _found(stored: StoredConnection | None) -> ProviderConnection:
    if stored is None:
        raise connection_not_found()
    return _body(stored)


def _body(stored: StoredConnection) -> ProviderConnection:
    return ProviderConnection(
        id=stored.id,
        tenant_id=stored.tenant_id,
        provider=Provider(stored.provider),
        display_name=stored.display_name,
        external_tenant_id=stored.external_tenant_id,
        client_id=stored.client_id,
        credential_ref=stored.credential_ref,
        cloud=Cloud(stored.cloud),
        enabled=stored.disabled_at is None,
        created_at=stored.created_at,
        created_by_user_id=stored.created_by_user_id,
        disabled_at=stored.disabled_at,
        disabled_by_user_id=stored.disabled_by_user_id,
    )
