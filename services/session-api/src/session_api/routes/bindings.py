"""Tenant bindings: list, set, remove. For operators of the platform, whatever tenants their token has."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import JSONBody, PathParameter
from msgspec import Struct

from onboarding_shared.contracts.bindings import MicrosoftTenant, TenantBinding
from onboarding_shared.contracts.types import Id, ShortText
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.errors import BadRequest
from onboarding_shared.web.identity import Caller, requires_platform
from onboarding_shared.web.operations import LINK
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit
from session_api.domain.bindings import NoCredentialName, ToPartner, refusal
from session_api.domain.connections import CREDENTIAL_RULE, GUID_RULE, Cloud, is_guid
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, IdPosition, before_id, link_headers
from session_api.routes.problems import binding_in_use, connection_to_partner
from session_api.store.bindings import StoredBinding, list_bindings
from session_api.use_cases.bindings import BindingInUse, TenantBindings

_ITEM = "/{cloud:str}/{external_tenant_id:str}"
CloudName = Annotated[
    str, PathParameter(description="public, us_gov, us_dod or china.", examples=[Example(value="public")])
]
MicrosoftTenantId = Annotated[
    str,
    PathParameter(
        description="Tenant id at Microsoft, a GUID.", examples=[Example(value="3f2504e0-4f89-41d3-9a0c-0305e82c3301")]
    ),
]


class NewTenantBinding(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The onboarding tenant, the application and the name of the credential of task-runner."""

    tenant_id: Id
    client_id: ShortText
    credential: str


class StoredTenantBinding(Struct, kw_only=True):
    """The tenant's connections to this Microsoft tenant must have this application and this credential."""

    tenant_id: int
    external_tenant_id: str
    cloud: Cloud
    client_id: str
    credential: str
    set_at: datetime
    set_by_user_id: int


class RemovedTenantBinding(Struct, kw_only=True):
    """``removed`` is false if the Microsoft tenant was not bound."""

    removed: bool


class BindingRoutes(Controller):
    """The operations under ``/onboarding/tenant-bindings``."""

    path = "/onboarding/tenant-bindings"
    tags = ("tenant bindings",)
    guards = (requires_platform(),)

    bindings: TenantBindings
    database: Database
    links: Links
    credential_references: bool
    partner_tenant_id: str | None

    @get(summary="List tenant bindings, newest first", operation_id="listTenantBindings", response_headers=[LINK])
    async def list_tenant_bindings(
        self, request: Request[Any, Any, Any], limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Response[list[StoredTenantBinding]]:
        """Return one page of the bindings of all tenants. The Link header contains the next page."""
        before = before_id(cursor)
        bindings = await self.database.run_single(lambda tx: list_bindings(tx, before=before, limit=limit + 1))
        next_position = IdPosition(bindings[limit - 1].id) if len(bindings) > limit else None
        headers = link_headers(request, self.links, next_position)
        return Response([_body(stored) for stored in bindings[:limit]], headers=headers)

    @put(_ITEM, summary="Bind a Microsoft tenant", operation_id="setTenantBinding")
    async def set_tenant_binding(
        self,
        cloud: CloudName,
        external_tenant_id: MicrosoftTenantId,
        data: JSONBody[NewTenantBinding],
        caller: NamedDependency[Caller],
    ) -> StoredTenantBinding:
        """Replaces its binding so far. Connections that lose it start nothing, and their active runs are cancelled.

        The runner compares with its own file: add the binding there, too.
        """
        microsoft = _microsoft_tenant(cloud, external_tenant_id)
        if not is_guid(data.client_id):
            raise _not_a_guid("client_id")
        binding = TenantBinding(
            tenant_id=data.tenant_id,
            external_tenant_id=microsoft.external_tenant_id,
            cloud=microsoft.cloud,
            client_id=data.client_id.lower(),
            credential=data.credential,
        )
        match refusal(binding, partner_tenant_id=self.partner_tenant_id, references=self.credential_references):
            case ToPartner():
                raise connection_to_partner()
            case NoCredentialName():
                raise BadRequest("CREDENTIAL_NOT_A_REFERENCE", CREDENTIAL_RULE, extra={"field": "credential"})
        stored = await self.bindings.set(binding, caller.user_id)
        if isinstance(stored, BindingInUse):
            raise binding_in_use()
        return _body(stored)

    @delete(_ITEM, status_code=200, summary="Remove a tenant binding", operation_id="removeTenantBinding")
    async def remove_tenant_binding(
        self, cloud: CloudName, external_tenant_id: MicrosoftTenantId, caller: NamedDependency[Caller]
    ) -> RemovedTenantBinding:
        """Idempotent. The connections that lose it start nothing, and their active runs are cancelled."""
        removed = await self.bindings.remove(_microsoft_tenant(cloud, external_tenant_id), caller.user_id)
        return RemovedTenantBinding(removed=removed)


def _microsoft_tenant(cloud: str, external_tenant_id: str) -> MicrosoftTenant:
    if cloud not in tuple(Cloud):
        raise BadRequest("INVALID_FIELD", f"cloud must be one of {', '.join(Cloud)}", extra={"field": "cloud"})
    if not is_guid(external_tenant_id):
        raise _not_a_guid("external_tenant_id")
    return MicrosoftTenant(cloud, external_tenant_id.lower())


def _not_a_guid(field: str) -> BadRequest:
    return BadRequest("INVALID_FIELD", f"{field} must be {GUID_RULE}", extra={"field": field})


def _body(stored: StoredBinding) -> StoredTenantBinding:
    binding = stored.binding
    return StoredTenantBinding(
        tenant_id=binding.tenant_id,
        external_tenant_id=binding.external_tenant_id,
        cloud=Cloud(binding.cloud),
        client_id=binding.client_id,
        credential=binding.credential,
        set_at=stored.set_at,
        set_by_user_id=stored.set_by_user_id,
    )
