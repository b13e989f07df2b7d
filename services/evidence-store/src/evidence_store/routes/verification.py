"""Whether a tenant's evidence still is what was sealed."""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from evidence_store.domain.verification import Anchor
from evidence_store.routes.bodies import ChainVerification, verification_body
from evidence_store.routes.problems import incomplete_anchor
from evidence_store.use_cases.verification import Verifier
from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.web.identity import Permissions, requires

ExpectedLength = Annotated[
    int | None,
    Parameter(
        query="expected_length", ge=0, le=MAX_ID, description="A position remembered from an EvidenceRecorded event."
    ),
]
ExpectedHead = Annotated[
    str | None,
    Parameter(query="expected_head", pattern=r"^[0-9a-f]{64}\Z", description="The seal at that position."),
]


def verification_routes(verifier: Verifier) -> list[HTTPRouteHandler]:
    """The handler of the verification."""

    @get(
        "/tenants/{tenant_id:int}/onboarding/evidence/verification",
        guards=[requires(Permissions.READ)],
        summary="Verify the tenant's chain of evidence",
    )
    async def verify_evidence(
        tenant_id: int, expected_length: ExpectedLength = None, expected_head: ExpectedHead = None
    ) -> ChainVerification:
        return verification_body(await verifier.verify(tenant_id, _anchor(expected_length, expected_head)))

    return [verify_evidence]


def _anchor(length: int | None, head: str | None) -> Anchor | None:
    if length is None and head is None:
        return None
    if length is None:
        raise incomplete_anchor("expected_length")
    if head is None:
        raise incomplete_anchor("expected_head")
    return Anchor(length, bytes.fromhex(head))
