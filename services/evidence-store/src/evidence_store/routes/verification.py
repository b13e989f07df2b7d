"""Verification of a tenant's chain."""

from typing import Annotated, Any

from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from evidence_store.domain.verification import Anchor
from evidence_store.routes.bodies import ChainVerification, verification_body
from evidence_store.routes.problems import incomplete_anchor
from evidence_store.use_cases.break_reports import BreakReports
from evidence_store.use_cases.verification import Verifier
from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.web.callers import while_connected
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import TenantId

ExpectedLength = Annotated[
    int | None,
    QueryParameter(
        name="expected_length",
        ge=0,
        le=MAX_ID,
        description="Position in an earlier EvidenceRecorded event of the tenant.",
        examples=[Example(value=2)],
    ),
]
ExpectedHead = Annotated[
    str | None,
    QueryParameter(
        name="expected_head",
        pattern=r"^[0-9a-f]{64}\Z",
        description="Seal in the same event.",
        examples=[Example(value="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")],
    ),
]


class VerificationRoutes(Controller):
    """The operation that verifies a tenant's chain."""

    path = "/tenants/{tenant_id:int}/onboarding/evidence/verification"
    tags = ("evidence",)
    guards = (requires(Permissions.READ),)

    verifier: Verifier
    reports: BreakReports

    @get(operation_id="verifyEvidence", summary="Verify the tenant's chain of evidence")
    async def verify_evidence(
        self,
        request: Request[Any, Any, Any],
        tenant_id: TenantId,
        caller: NamedDependency[Caller],
        expected_length: ExpectedLength = None,
        expected_head: ExpectedHead = None,
    ) -> ChainVerification:
        """Verify the whole chain. With an expected position and seal, a chain that was sealed again is found too."""
        anchor = _anchor(expected_length, expected_head)
        verdict = await while_connected(request, self.verifier.verify(tenant_id, anchor))
        if verdict.broken is not None:
            await self.reports.report(tenant_id, caller.user_id, verdict.broken, anchored=anchor is not None)
        return verification_body(verdict)


def _anchor(length: int | None, head: str | None) -> Anchor | None:
    if length is None and head is None:
        return None
    if length is None:
        raise incomplete_anchor("expected_length")
    if head is None:
        raise incomplete_anchor("expected_head")
    return Anchor(length, bytes.fromhex(head))
