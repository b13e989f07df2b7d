"""Tokens of our own form for all tenants, with a name, and with an id that is not theirs."""

import pytest

from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.errors import DependencyDown, Unauthorized
from onboarding_shared.web.granted import Person, TokenRefused, UserNotKept
from onboarding_shared.web.identity import Authenticator, Caller
from tests.support.signing import ISSUER, Signer


async def test_permissions_of_all_tenants_hold_in_each(identity: IdentitySettings, signer: Signer) -> None:
    token = signer.token(tenants="all", permissions=["onboarding.read", "onboarding.platform"])

    caller = await Authenticator(identity).authenticate(token)

    assert (caller.everywhere, caller.permissions) == ({"onboarding.read"}, {})
    assert caller.knows(1)
    assert caller.may(1, "onboarding.read")
    assert not caller.may(1, "onboarding.run")
    assert caller.tenant_filter() is None
    assert caller.tenant_filter("onboarding.run") == frozenset()
    assert caller.operates_platform


async def test_all_tenants_without_a_permission_are_none(identity: IdentitySettings, signer: Signer) -> None:
    caller = await Authenticator(identity).authenticate(signer.token(tenants="all", permissions=[]))

    assert not caller.knows(42)
    assert caller.tenant_filter() == frozenset()


def test_a_filter_has_the_tenants_with_the_permission() -> None:
    caller = Caller(user_id=7, permissions={42: frozenset({"onboarding.read"}), 43: frozenset({"onboarding.run"})})

    assert caller.tenant_filter() == {42}
    assert caller.tenant_filter("onboarding.run") == {43}


async def test_a_token_of_our_form_may_have_a_name(identity: IdentitySettings, signer: Signer) -> None:
    authenticator = Authenticator(identity)

    assert (await authenticator.authenticate(signer.token(name="Ada Berger"))).display_name == "Ada Berger"
    assert (await authenticator.authenticate(signer.token(name={"first": "Ada"}))).display_name is None


@pytest.mark.parametrize("subject", [2**52, 2**53 - 1])
async def test_a_subject_within_the_made_ids_is_refused(
    identity: IdentitySettings, signer: Signer, subject: int
) -> None:
    with pytest.raises(Unauthorized, match="made for users"):
        await Authenticator(identity).authenticate(signer.token(sub=str(subject)))


@pytest.mark.parametrize("subject", [2**52 - 1, 2**53, 2**63 - 1])
async def test_a_subject_beside_the_made_ids_is_its_own_id(
    identity: IdentitySettings, signer: Signer, subject: int
) -> None:
    assert (await Authenticator(identity).authenticate(signer.token(sub=str(subject)))).user_id == subject


async def test_a_user_is_told_once_for_each_token(identity: IdentitySettings, signer: Signer) -> None:
    told: list[Person] = []

    async def recognise(person: Person) -> None:
        told.append(person)

    authenticator = Authenticator(identity, recognise=recognise)
    token = signer.token(name="Ada Berger")
    await authenticator.authenticate(token)
    await authenticator.authenticate(token)

    assert told == [Person(7, ISSUER, "7", "Ada Berger", is_derived=False)]


@pytest.mark.parametrize(
    ("error", "refused"), [(TokenRefused("another user"), Unauthorized), (UserNotKept("down"), DependencyDown)]
)
async def test_a_user_who_is_not_recognised_is_refused(
    identity: IdentitySettings, signer: Signer, error: Exception, refused: type[Exception]
) -> None:
    async def recognise(_: Person) -> None:
        raise error

    authenticator = Authenticator(identity, recognise=recognise)
    token = signer.token()
    for _ in range(2):
        with pytest.raises(refused):
            await authenticator.authenticate(token)
