"""Provider connections: create, list, get, disable."""

from typing import Any
from uuid import uuid4

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from onboarding_shared.postgres.database import Database
from onboarding_shared.web.errors import BadRequest
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import LINK, LOCATION, TenantId
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit
from session_api.domain.connections import (
    CREDENTIAL_RULE,
    GUID_RULE,
    Cloud,
    Provider,
    is_guid,
    names_credential,
)
from session_api.domain.quotas import TooManyConnections
from session_api.routes.idempotency import IdempotencyKey, answer_once
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, IdPosition, before_id, link_headers
from session_api.routes.parameters import ConnectionId
from session_api.routes.problems import (
    connection_exists,
    connection_not_bound,
    connection_not_found,
    connection_to_partner,
    quota_problem,
)
from session_api.routes.session_bodies import NewProviderConnection, ProviderConnection
from session_api.store.connections import (
    NewConnection,
    StoredConnection,
    find_connection,
    list_connections,
)
from session_api.use_cases.connections import Connections, CreateAnswer, CreatedConnection, NotBound, SameConnection

_SAME = {
    200: ResponseSpec(ProviderConnection, generate_examples=False, description="The tenant has it already, unchanged")
}
_ITEM = "/{connection_id:int}"


class ConnectionRoutes(Controller):
    """The operations under ``/provider-connections``."""

    path = "/tenants/{tenant_id:int}/onboarding/provider-connections"
    tags = ("provider connections",)
    guards = (requires(Permissions.CONNECTIONS),)

    connections: Connections
    database: Database
    links: Links
    credential_references: bool
    partner_tenant_id: str | None

    @post(
        summary="Create a provider connection",
        operation_id="createConnection",
        response_headers=[LOCATION],
        responses=_SAME,
    )
    async def create_connection(
        self,
        request: Request[Caller, Any, Any],
        tenant_id: TenantId,
        data: JSONBody[NewProviderConnection],
        key: IdempotencyKey = None,
    ) -> Response[ProviderConnection]:
        """Stores the name of the credential and never the credential itself. An operator must have bound the tenant.

        The same request again answers 200 with the connection that it created the first time.
        """
        new = _checked(data, references=self.credential_references)
        if new.external_tenant_id == self.partner_tenant_id:
            raise connection_to_partner()
        return await answer_once(
            request,
            key,
            lambda once: self.connections.create(tenant_id, request.user.user_id, new, once),
            lambda created: _created(created, new, self.links),
        )

    @get(summary="List provider connections, newest first", operation_id="listConnections", response_headers=[LINK])
    async def list_provider_connections(
        self, request: Request[Any, Any, Any], tenant_id: TenantId, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Response[list[ProviderConnection]]:
        """Return one page of enabled and disabled connections. The Link header contains the next page."""
        before = before_id(cursor)
        connections = await self.database.run_single(
            lambda tx: list_connections(tx, tenant_id, before=before, limit=limit + 1)
        )
        page = connections[:limit]
        next_position = IdPosition(page[-1].id) if len(connections) > limit else None
        headers = link_headers(request, self.links, next_position)
        return Response([_body(connection) for connection in page], headers=headers)

    @get(_ITEM, summary="Get a provider connection", operation_id="getConnection")
    async def get_connection(self, tenant_id: TenantId, connection_id: ConnectionId) -> ProviderConnection:
        """Return the connection, enabled or disabled."""
        return _body_or_not_found(
            await self.database.run_single(lambda tx: find_connection(tx, tenant_id, connection_id))
        )

    @post(
        f"{_ITEM}/disable",
        status_code=200,
        summary="Disable a provider connection",
        operation_id="disableConnection",
    )
    async def disable_connection(
        self, tenant_id: TenantId, connection_id: ConnectionId, caller: NamedDependency[Caller]
    ) -> ProviderConnection:
        """Disable the connection and cancel its active runs. Idempotent: a disabled connection does not change."""
        return _body_or_not_found(await self.connections.disable(tenant_id, connection_id, caller.user_id))


def _created(created: CreateAnswer, new: NewConnection, links: Links) -> Response[ProviderConnection]:
    if isinstance(created, NotBound):
        raise connection_not_bound()
    if isinstance(created, TooManyConnections):
        raise quota_problem(created)
    connection = created.connection
    if isinstance(created, SameConnection) and connection.display_name != new.display_name:
        raise connection_exists(connection.id)
    return Response(
        _body(connection),
        status_code=201 if isinstance(created, CreatedConnection) else 200,
        headers={"Location": links.connection(connection.tenant_id, connection.id)},
    )


def _checked(data: JSONBody[NewProviderConnection], *, references: bool) -> NewConnection:
    """Return the connection to store. An error contains the rule and never the value, which may be a secret."""
    for field, value in (("external_tenant_id", data.external_tenant_id), ("client_id", data.client_id)):
        if not is_guid(value):
            raise BadRequest("INVALID_FIELD", f"{field} must be {GUID_RULE}", extra={"field": field})
    if not names_credential(data.credential_ref, references=references):
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


def _body_or_not_found(stored: StoredConnection | None) -> ProviderConnection:
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
