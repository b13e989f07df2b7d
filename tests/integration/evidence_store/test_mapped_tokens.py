"""evidence-store reads the tokens of an identity provider as session-api does, without a table of users."""

import httpx2

from evidence_store.app import build
from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.process.claim_settings import ClaimSettings
from onboarding_shared.process.service_settings import IdentitySettings
from tests.integration.evidence_store.conftest import settings_for

ROLES = {
    "Lead": {"permissions": ["onboarding.read"], "tenants": "all"},
    "Technician": {"permissions": ["onboarding.read"]},
}


async def test_a_forwarded_token_of_a_provider_opens_the_same_tenants(store_url: str, identity: Identity) -> None:
    mapped = IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER, claims=ClaimSettings(roles=ROLES))
    service = build(settings_for(store_url, identity).model_copy(update={"identity": mapped}))
    statuses = []
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=service.http), base_url="http://store") as client:
        for claims in (
            {"sub": "ada", "roles": ["Lead"]},
            {"sub": "ben", "roles": ["Technician"], "tenants": ["42"]},
            {"sub": "ben", "roles": ["Technician"], "tenants": ["43"]},
            {"sub": "ria", "roles": [], "tenants": ["42"]},
        ):
            token = {"Authorization": f"Bearer {identity.signed(claims)}"}
            statuses.append((await client.get("/tenants/42/onboarding/evidence", headers=token)).status_code)
    await service.database.close()

    assert statuses == [200, 200, 404, 403]
