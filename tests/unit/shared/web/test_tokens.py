import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.errors import Unauthorized
from onboarding_shared.web.identity import CACHED_TOKENS, Authenticator, Caller, Permissions
from tests.support.signing import ISSUER, Signer


@pytest.fixture
def authenticator(identity: IdentitySettings) -> Authenticator:
    return Authenticator(identity)


async def refused(authenticator: Authenticator, token: str) -> Unauthorized:
    with pytest.raises(Unauthorized) as raised:
        await authenticator.authenticate(token)
    assert raised.value.status == 401
    assert raised.value.headers["WWW-Authenticate"].startswith("Bearer")
    return raised.value


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join([*parts, ""])


async def test_a_good_token_tells_who_calls(authenticator: Authenticator, signer: Signer) -> None:
    caller = await authenticator.authenticate(signer.token(sub="7", tenants=[42, 43], exp=4_000_000_000))
    assert caller == Caller(
        user_id=7, permissions=dict.fromkeys((42, 43), frozenset(Permissions.ALL)), expires_at=4_000_000_000.0
    )


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("PS256", RSAKey.generate_key(2048, auto_kid=True)),
        ("ES256", ECKey.generate_key("P-256", auto_kid=True)),
        ("EdDSA", OKPKey.generate_key("Ed25519", auto_kid=True)),
    ],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_each_allowed_kind_of_key_works(tmp_path: Path, algorithm: str, key: Any) -> None:
    signer = Signer(key, algorithm)
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(signer.public()), encoding="utf-8")
    authenticator = Authenticator(IdentitySettings(jwks=str(file), issuer=ISSUER))
    assert (await authenticator.authenticate(signer.token())).user_id == 7


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "nbf", "sub"])
async def test_a_token_without_a_required_claim_is_refused(
    authenticator: Authenticator, signer: Signer, claim: str
) -> None:
    assert (await refused(authenticator, signer.token(**{claim: None}))).code == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://issuer.test/"},
        {"aud": "other"},
        {"aud": ["other", "another"]},
        {"aud": []},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"exp": "tomorrow"},
        {"exp": True},
        {"sub": "0"},
        {"sub": "-7"},
        {"sub": "alice"},
        {"sub": "9223372036854775808"},
        {"tenants": ["42"]},
        {"tenants": [0]},
        {"tenants": 42},
        {"permissions": "onboarding.read"},
        {"tenants": {"42": ["onboarding.read"]}, "permissions": ["onboarding.read"]},
        {"tenants": {"042": []}, "permissions": None},
        {"tenants": {"+42": []}, "permissions": None},
        {"tenants": {"0": []}, "permissions": None},
        {"tenants": {"\u0664\u0662": []}, "permissions": None},
        {"tenants": {"42\n": []}, "permissions": None},
        {"tenants": {"9223372036854775808": []}, "permissions": None},
        {"tenants": {"42": "onboarding.read"}, "permissions": None},
        {"tenants": {"42": {"onboarding.read": True}}, "permissions": None},
        {"tenants": {"42": [7]}, "permissions": None},
        {"tenants": {"42": None}, "permissions": None},
        {"tenants": {"42": ["p"] * 51}, "permissions": None},
        {"tenants": {str(tenant): [] for tenant in range(1, 1002)}, "permissions": None},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_is_refused(
    authenticator: Authenticator, signer: Signer, wrong: dict[str, Any]
) -> None:
    assert (await refused(authenticator, signer.token(**wrong))).code == "TOKEN_INVALID"


async def test_permissions_may_differ_by_tenant(authenticator: Authenticator, signer: Signer) -> None:
    tenants = {"42": ["onboarding.read", "onboarding.run"], "43": ["onboarding.read"], "44": []}
    caller = await authenticator.authenticate(signer.token(tenants=tenants, permissions=None))
    assert caller.permissions == {
        42: {"onboarding.read", "onboarding.run"},
        43: {"onboarding.read"},
        44: frozenset(),
    }


async def test_an_audience_may_be_one_of_several(authenticator: Authenticator, signer: Signer) -> None:
    assert await authenticator.authenticate(signer.token(aud=["other", "onboarding"]))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWE"},
        {"typ": None},
        {"typ": "id_token"},
        {"kid": None},
        {"kid": "another"},
        {"alg": "RS384"},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_header_is_refused(
    authenticator: Authenticator, signer: Signer, header: dict[str, Any]
) -> None:
    assert (await refused(authenticator, signer.token(header))).code == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"]}, {"crit": []}, {"crit": None}, {"b64": True}, {"crit": ["b64"], "b64": True}], ids=str
)
async def test_a_validly_signed_token_with_critical_extensions_is_refused(
    authenticator: Authenticator, signer: Signer, header: dict[str, Any]
) -> None:
    assert await authenticator.authenticate(signer.forced({}))
    problem = await refused(authenticator, signer.forced(header))
    assert "demands extensions" in problem.message


async def test_an_access_token_type_is_accepted_too(authenticator: Authenticator, signer: Signer) -> None:
    assert await authenticator.authenticate(signer.token({"typ": "at+JWT"}))


async def test_an_unsigned_token_is_refused(authenticator: Authenticator, signer: Signer) -> None:
    token = unsigned({"alg": "none", "typ": "JWT", "kid": signer.key.kid}, signer.claims())
    assert (await refused(authenticator, token)).code == "TOKEN_INVALID"


async def test_a_public_key_used_as_a_shared_secret_is_refused(authenticator: Authenticator, signer: Signer) -> None:
    message = unsigned({"alg": "HS256", "typ": "JWT", "kid": signer.key.kid}, signer.claims()).rstrip(".")
    digest = hmac.digest(signer.key.as_pem(private=False), message.encode(), "sha256")
    token = f"{message}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    assert (await refused(authenticator, token)).code == "TOKEN_INVALID"


async def test_a_key_inside_the_token_is_not_believed(authenticator: Authenticator, signer: Signer) -> None:
    own = RSAKey.generate_key(2048, {"kid": signer.key.kid})
    token = Signer(own).token({"jwk": own.as_dict(private=False)})
    assert (await refused(authenticator, token)).code == "TOKEN_INVALID"


async def test_an_algorithm_that_does_not_fit_the_key_is_refused(tmp_path: Path, signer: Signer) -> None:
    document = signer.public()
    document["keys"][0]["alg"] = "PS256"
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    authenticator = Authenticator(IdentitySettings(jwks=str(file), issuer=ISSUER))
    assert "does not fit its key" in (await refused(authenticator, signer.token())).message


async def test_a_changed_claim_breaks_the_signature(authenticator: Authenticator, signer: Signer) -> None:
    header, _, signature = signer.token().split(".")
    forged = unsigned({}, signer.claims(tenants=[1])).split(".")[1]
    problem = await refused(authenticator, f"{header}.{forged}.{signature}")
    assert problem.code == "TOKEN_INVALID"
    assert "signature" in problem.message


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "ä.b.c", "e30.e30.", "a" * 9000, "\ud800"], ids=repr)
async def test_anything_else_is_refused(authenticator: Authenticator, token: str) -> None:
    assert (await refused(authenticator, token)).code == "TOKEN_INVALID"


async def test_a_token_over_8_kib_is_refused(authenticator: Authenticator, signer: Signer) -> None:
    problem = await refused(authenticator, signer.token(tenants=list(range(1, 4000))))
    assert "8192" in problem.message


async def test_thirty_seconds_of_clock_skew_are_forgiven(identity: IdentitySettings, signer: Signer) -> None:
    now = 1_000_000.0
    authenticator = Authenticator(identity, now=lambda: now)
    times = {"exp": 1_000_000 - 29, "nbf": 1_000_000 + 30, "iat": 1_000_000 + 30}
    assert await authenticator.authenticate(signer.token(**times))
    problem = await refused(authenticator, signer.token(**{**times, "exp": 1_000_000 - 30}))
    assert problem.code == "TOKEN_EXPIRED"
    assert (await refused(authenticator, signer.token(**{**times, "nbf": 1_000_031}))).code == "TOKEN_INVALID"


async def test_a_remembered_token_still_expires(identity: IdentitySettings, signer: Signer) -> None:
    clock = [1_000_000.0]
    authenticator = Authenticator(identity, now=lambda: clock[0])
    token = signer.token(exp=1_000_100, nbf=1_000_000, iat=1_000_000)
    assert await authenticator.authenticate(token)
    clock[0] = 1_000_129.0
    assert await authenticator.authenticate(token)
    clock[0] = 1_000_130.0
    assert (await refused(authenticator, token)).code == "TOKEN_EXPIRED"


async def test_no_more_than_so_many_tokens_are_remembered(identity: IdentitySettings, signer: Signer) -> None:
    authenticator = Authenticator(identity)
    tokens = [signer.token(sub=str(number)) for number in range(1, 4)]
    for token in tokens:
        await authenticator.authenticate(token)
    assert len(authenticator._verified) == 3
    for number in range(CACHED_TOKENS):
        authenticator._verified[number.to_bytes(8)] = Caller(user_id=1, permissions={})
    await authenticator.authenticate(signer.token(sub="99"))
    assert (await authenticator.authenticate(tokens[0])).user_id == 1


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token"])
async def test_a_request_without_a_bearer_token_has_its_own_error(
    authenticator: Authenticator, header: str | None
) -> None:
    with pytest.raises(Unauthorized) as raised:
        await authenticator.authenticate_header(header)
    assert raised.value.code == "TOKEN_MISSING"
    assert raised.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize("depth", [40, 900, 1_400, 2_500])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
async def test_deeply_nested_json_is_refused(
    authenticator: Authenticator, signer: Signer, depth: int, opened: str, closed: str
) -> None:
    nested = f"{opened * depth}1{closed * depth}".encode()
    header = json.dumps({"alg": "RS256", "kid": signer.key.kid, "typ": "JWT"}).encode()
    deeper = b'{"more":' + nested + b"}"
    for parts in (
        (nested, b"{}"),
        (header[:-1] + b',"more":' + nested + b"}", b"{}"),
        (header, nested),
        (header, deeper),
    ):
        assert (await refused(authenticator, signer.signed(*parts))).code == "TOKEN_INVALID"
