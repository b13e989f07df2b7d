"""Consent requests: create, list, look."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.params import JSONBody

from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import LINK, LOCATION, TenantId
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit
from session_api.domain.consent import state_at
from session_api.routes.consent_bodies import ConsentRequest, CreateConsentRequest
from session_api.routes.consent_links import ConsentLinks
from session_api.routes.consent_problems import consent_problem, consent_request_not_found
from session_api.routes.idempotency import IdempotencyKey, answer_once
from session_api.routes.link_secrets import LinkSecrets
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, IdPosition, before_id, link_headers
from session_api.routes.parameters import ConsentRequestId
from session_api.routes.starts import checked_connection
from session_api.store.consents import LoadedConsent, find_consent, list_consents
from session_api.use_cases.consents import ConsentRefusal, Consents, CreatedConsent


class ConsentRoutes(Controller):
    """The operations under ``/consent-requests``."""

    path = "/tenants/{tenant_id:int}/onboarding/consent-requests"
    tags = ("consent",)

    consents: Consents
    consent_links: ConsentLinks
    link_secrets: LinkSecrets
    database: Database
    links: Links

    @post(
        guards=[requires(Permissions.RUN)],
        summary="Make a link with which the customer consents",
        operation_id="createConsentRequest",
        response_headers=[LOCATION],
    )
    async def create_request(
        self,
        request: Request[Caller, Any, Any],
        tenant_id: TenantId,
        data: JSONBody[CreateConsentRequest | None] = None,
        key: IdempotencyKey = None,
    ) -> Response[ConsentRequest]:
        """For the named provider connection, else the session's, else the only enabled one.

        An administrator of the customer opens the url. Its secret is not stored: only the same request with the same
        Idempotency-Key is answered with the url again, if the operator has set ONBOARDING_RUN_SECRETS.
        """
        self.consent_links.check()
        wanted = checked_connection((data or CreateConsentRequest()).provider_connection_id)
        link = self.link_secrets.new()
        return await answer_once(
            request,
            key,
            lambda once: self.consents.create(tenant_id, request.user.user_id, wanted, link.secret, once),
            self._created,
            conceal=link.conceal,
            reveal=self.link_secrets.reveal,
        )

    def _created(self, created: CreatedConsent | ConsentRefusal) -> Response[ConsentRequest]:
        if not isinstance(created, CreatedConsent):
            raise consent_problem(created)
        made = created.loaded.request
        return Response(
            _body(created.loaded, url=self.consent_links.url(created.connection, created.secret)),
            headers={"Location": self.links.consent_request(made.tenant_id, made.id), "Cache-Control": "no-store"},
        )

    @get(
        guards=[requires(Permissions.READ)],
        summary="List consent requests, newest first",
        operation_id="listConsentRequests",
        response_headers=[LINK],
    )
    async def list_requests(
        self, request: Request[Any, Any, Any], tenant_id: TenantId, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Response[list[ConsentRequest]]:
        """One page, without the urls; the Link header leads to the next page."""
        before = before_id(cursor)
        loaded = await self.database.run_single(lambda tx: list_consents(tx, tenant_id, before=before, limit=limit + 1))
        page = loaded[:limit]
        follows = IdPosition(page[-1].request.id) if len(loaded) > limit else None
        return Response([_body(item) for item in page], headers=link_headers(request, self.links, follows))

    @get(
        "/{consent_request_id:int}",
        guards=[requires(Permissions.READ)],
        summary="Get a consent request",
        operation_id="getConsentRequest",
    )
    async def get_request(self, tenant_id: TenantId, consent_request_id: ConsentRequestId) -> ConsentRequest:
        """Its state, without the url. Only verified is proof: a check has seen the consent."""
        loaded = await self.database.run_single(lambda tx: find_consent(tx, tenant_id, consent_request_id))
        if loaded is None:
            raise consent_request_not_found()
        return _body(loaded)


def _body(loaded: LoadedConsent, *, url: str | None = None) -> ConsentRequest:
    request = loaded.request
    return ConsentRequest(
        id=request.id,
        tenant_id=request.tenant_id,
        provider_connection_id=request.provider_connection_id,
        onboarding_session_id=request.session_id,
        state=state_at(request, loaded.now),
        url=url,
        created_at=request.created_at,
        created_by_user_id=request.created_by_user_id,
        expires_at=request.expires_at,
        answered_at=request.answered_at,
        reported_at=request.reported_at,
        verified_at=request.verified_at,
        run_id=request.run_id,
    )
