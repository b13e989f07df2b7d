"""Access tokens of Entra ID, Keycloak and Auth0, in the shapes that their documentation shows, mapped by settings."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from onboarding_shared.process.claim_settings import ClaimSettings
from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.claim_paths import claim_at, claim_path
from onboarding_shared.web.errors import Unauthorized
from onboarding_shared.web.identity import Authenticator, Caller
from tests.support.signing import ISSUER, Signer

READ, RUN, PLATFORM = "onboarding.read", "onboarding.run", "onboarding.platform"
ROLES = {
    "Onboarding.Lead": {"permissions": [READ, RUN], "tenants": "all"},
    "Onboarding.Technician": {"permissions": [READ, RUN]},
    "Onboarding.Reader": {"permissions": [READ]},
    "Onboarding.Contoso": {"permissions": [READ], "tenants": [42, 43]},
    "Onboarding.Operator": {"permissions": [PLATFORM], "tenants": "all"},
}
ENTRA_ISSUER = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0"
ENTRA = {
    "aud": "11112222-bbbb-3333-cccc-4444dddd5555",
    "iss": ENTRA_ISSUER,
    "iat": 1_700_000_000,
    "nbf": 1_700_000_000,
    "exp": 4_000_000_000,
    "aio": "AXQAi/8TAAAA",
    "azp": "00001111-aaaa-2222-bbbb-3333cccc4444",
    "azpacr": "0",
    "name": "Ada Berger",
    "oid": "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
    "preferred_username": "ada@contoso.example",
    "rh": "0.AAAA",
    "roles": ["Onboarding.Lead", "Other.Role"],
    "scp": "access",
    "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
    "tid": "aaaabbbb-0000-cccc-1111-dddd2222eeee",
    "uti": "AbCdEf",
    "ver": "2.0",
}
KEYCLOAK_ISSUER = "https://keycloak.example/realms/msp"
KEYCLOAK = {
    "exp": 4_000_000_000,
    "iat": 1_700_000_000,
    "auth_time": 1_699_999_990,
    "jti": "onrtac:5d2a7a3a-6f6f-4f0e-9d64-6b0f5c0f7f00",
    "iss": KEYCLOAK_ISSUER,
    "aud": ["onboarding-api", "account"],
    "sub": "36fa0f91-f94d-4a0c-afed-6b7d952e47da",
    "typ": "Bearer",
    "azp": "onboarding-web",
    "sid": "2a88c258-f73a-4103-b862-e1fbd8f4e04e",
    "acr": "1",
    "allowed-origins": ["https://onboarding.example"],
    "realm_access": {"roles": ["offline_access", "Onboarding.Reader", "uma_authorization"]},
    "resource_access": {
        "onboarding-api": {"roles": ["Onboarding.Technician"]},
        "account": {"roles": ["manage-account", "view-profile"]},
    },
    "scope": "openid email profile",
    "email_verified": True,
    "tenants": ["42", "44"],
    "name": "Ben Okafor",
    "preferred_username": "ben",
}
AUTH0_ISSUER = "https://msp.eu.auth0.com/"
AUTH0 = {
    "https://onboarding.example/name": "Ria Holt",
    "https://onboarding.example/tenants": [42],
    "iss": AUTH0_ISSUER,
    "sub": "auth0|6553da60a54af58e29493993",
    "aud": ["https://onboarding.example/api", "https://msp.eu.auth0.com/userinfo"],
    "iat": 1_700_000_000,
    "exp": 4_000_000_000,
    "azp": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
    "scope": "openid profile Onboarding.Reader",
    "permissions": ["Onboarding.Reader"],
}


def authenticator(jwks_file: Path, issuer: str, audience: str, **mapped: Any) -> Authenticator:
    claims = ClaimSettings(**{"roles": json.dumps(ROLES), **mapped})
    return Authenticator(IdentitySettings(jwks=str(jwks_file), issuer=issuer, audience=audience, claims=claims))


def signed(signer: Signer, claims: dict[str, Any], **changed: Any) -> str:
    nothing = dict.fromkeys(("nbf", "iat", "tenants", "permissions"))
    return signer.token(**{**nothing, **claims, **changed})


async def caller_of(jwks_file: Path, signer: Signer, claims: dict[str, Any], **mapped: Any) -> Caller:
    """The caller of a token of our own test issuer, with these claims besides."""
    return await authenticator(jwks_file, ISSUER, "onboarding", **mapped).authenticate(
        signed(signer, {"sub": "someone"} | claims)
    )


async def refusal(jwks_file: Path, signer: Signer, claims: dict[str, Any], **mapped: Any) -> str:
    with pytest.raises(Unauthorized) as raised:
        await caller_of(jwks_file, signer, claims, **mapped)
    return raised.value.message


async def test_a_token_of_entra_id_works_as_issued(jwks_file: Path, signer: Signer) -> None:
    entra = authenticator(jwks_file, ENTRA_ISSUER, "11112222-bbbb-3333-cccc-4444dddd5555", user="oid")

    caller = await entra.authenticate(signed(signer, ENTRA))

    assert caller.display_name == "Ada Berger"
    assert (caller.everywhere, caller.permissions) == ({READ, RUN}, {})
    assert caller.tenant_filter() is None
    assert caller.may(987, RUN)
    assert not caller.operates_platform


async def test_a_token_of_keycloak_works_as_issued(jwks_file: Path, signer: Signer) -> None:
    places = ("resource_access.onboarding-api.roles", "realm_access.roles")
    keycloak = authenticator(jwks_file, KEYCLOAK_ISSUER, "onboarding-api", role_claims=places)

    caller = await keycloak.authenticate(signed(signer, KEYCLOAK))

    assert caller.display_name == "Ben Okafor"
    assert (caller.everywhere, caller.permissions) == (frozenset(), {42: {READ, RUN}, 44: {READ, RUN}})
    assert caller.tenant_filter() == {42, 44}
    assert not caller.knows(43)


async def test_a_token_of_auth0_works_as_issued(jwks_file: Path, signer: Signer) -> None:
    auth0 = authenticator(
        jwks_file,
        AUTH0_ISSUER,
        "https://onboarding.example/api",
        role_claims="permissions",
        tenants="https://onboarding.example/tenants",
        names="https://onboarding.example/name",
    )

    caller = await auth0.authenticate(signed(signer, AUTH0))
    same = await auth0.authenticate(signed(signer, AUTH0 | {"permissions": []}))

    assert (caller.display_name, caller.permissions) == ("Ria Holt", {42: {READ}})
    assert same.user_id == caller.user_id
    assert same.permissions == {42: frozenset()}


async def test_a_subject_has_one_id_that_javascript_can_hold(jwks_file: Path, signer: Signer) -> None:
    caller = await caller_of(jwks_file, signer, {"sub": "alice"})
    other = await caller_of(jwks_file, signer, {"sub": "7"})

    assert caller.user_id == 6_478_926_436_258_771
    assert 2**52 <= other.user_id < 2**53


async def test_a_scope_text_gives_the_roles_of_its_words(jwks_file: Path, signer: Signer) -> None:
    caller = await caller_of(
        jwks_file, signer, {"scope": "openid Onboarding.Reader", "tenants": "42"}, role_claims="scope"
    )

    assert caller.permissions == {42: {READ}}


async def test_a_role_may_name_its_tenants(jwks_file: Path, signer: Signer) -> None:
    caller = await caller_of(jwks_file, signer, {"roles": ["Onboarding.Contoso"], "tenants": [44]})

    assert caller.permissions == {42: {READ}, 43: {READ}, 44: frozenset()}


async def test_a_role_of_operators_opens_no_tenant(jwks_file: Path, signer: Signer) -> None:
    caller = await caller_of(jwks_file, signer, {"roles": ["Onboarding.Operator"]})

    assert caller.operates_platform
    assert (caller.everywhere, caller.permissions) == (frozenset(), {})
    assert not caller.knows(42)


@pytest.mark.parametrize("roles", [None, "onboarding.read", [READ], [7], {"a": 1}, ["Onboarding.Lead "]], ids=str)
async def test_values_that_are_no_role_give_nothing(jwks_file: Path, signer: Signer, roles: Any) -> None:
    caller = await caller_of(jwks_file, signer, {"roles": roles, "tenants": [42]})

    assert (caller.everywhere, caller.permissions) == (frozenset(), {42: frozenset()})


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"typ": "ID"}, "no access token"),
        ({"typ": "Refresh"}, "no access token"),
        ({"typ": ["Bearer"]}, "no access token"),
        ({"nonce": "n"}, "ID token"),
        ({"at_hash": "h"}, "ID token"),
        ({"cnf": {"jkt": "k"}}, "bound to a key"),
        ({"sub": ""}, "user is not a text"),
        ({"sub": "x" * 256}, "user is not a text"),
        ({"sub": "a\nb"}, "user is not a text"),
        ({"tenants": ["042"]}, "not a tenant id"),
        ({"tenants": [0]}, "not a tenant id"),
        ({"tenants": [True]}, "not a tenant id"),
        ({"tenants": "all"}, "not a tenant id"),
        ({"tenants": {"42": []}}, "not a tenant id"),
        ({"tenants": [2**63]}, "not a tenant id"),
        ({"tenants": " ".join(["7"] * 1001)}, "more than 1000 tenants"),
        ({"roles": ["r"] * 501}, "more than 500 roles"),
        ({"iss": "https://other.test"}, "issuer"),
        ({"aud": "other"}, "audience"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
        ({"iat": 4_000_000_000}, "in the future"),
        ({"exp": None}, "malformed"),
        ({"exp": "tomorrow"}, "malformed"),
    ],
    ids=str,
)
async def test_a_mapped_token_that_breaks_a_rule_is_refused(
    jwks_file: Path, signer: Signer, claims: dict[str, Any], reason: str
) -> None:
    assert reason in await refusal(jwks_file, signer, claims)


async def test_an_older_keycloak_may_put_a_nonce_into_access_tokens(jwks_file: Path, signer: Signer) -> None:
    assert await caller_of(jwks_file, signer, {"typ": "Bearer", "nonce": "n"})


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "  Ada Berger "}, "Ada Berger"),
        ({"preferred_username": "ada"}, "ada"),
        ({"name": "", "preferred_username": "ada"}, "ada"),
        ({"name": "a\u202eb"}, None),
        ({"name": 7}, None),
        ({"name": "x" * 300}, "x" * 200),
    ],
    ids=str,
)
async def test_the_first_readable_name_counts(
    jwks_file: Path, signer: Signer, claims: dict[str, Any], name: str | None
) -> None:
    assert (await caller_of(jwks_file, signer, claims)).display_name == name


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("roles", 1),
        ("realm_access.roles", 2),
        ("https://onboarding.example/roles", 3),
        ("/resource_access/my.app/roles", 4),
        ("/https:~1~1onboarding.example~1roles", 3),
        ("realm_access.roles.0", None),
        ("realm_access.users", None),
        ("my.app", None),
    ],
)
def test_a_place_finds_its_claim_only(place: str, value: object) -> None:
    claims = {
        "roles": 1,
        "realm_access": {"roles": 2},
        "https://onboarding.example/roles": 3,
        "resource_access": {"my.app": {"roles": 4}},
        "my.app": 5,
    }

    assert claim_at(claims, claim_path(place)) == value


@pytest.mark.parametrize(
    "roles",
    [
        "[]",
        "{",
        '{"a": {}}',
        '{"a": {"permissions": ["onboarding.everything"]}}',
        '{"a": {"permissions": [], "tenants": "some"}}',
        '{"a": {"permissions": [], "tenants": [0]}}',
        '{"a": {"permissions": [], "tenants": []}}',
        '{"a": {"permissions": [], "tenant": [1]}}',
        '{"": {"permissions": []}}',
    ],
)
def test_a_wrong_mapping_of_roles_stops_the_start(roles: str) -> None:
    with pytest.raises(ValidationError, match="is no mapping of roles"):
        ClaimSettings(roles=roles)
