"""Global Administrators: who counts, for which limit, and what stands in the evidence."""

from collections.abc import Sequence
from typing import Any

import pytest

from task_runner.checks.identity.accounts import Account, account_of
from task_runner.checks.identity.global_admins import GlobalAdministrators, decide
from task_runner.checks.identity.holders import Holder, merged
from task_runner.checks.identity.principals import Kind
from task_runner.providers.fields import Fields
from task_runner.tasks import Result


def account(number: int, **fields: Any) -> Account:
    return Account(**{"id": f"u{number}", "enabled": True, **fields})


def accounts(count: int) -> list[Account]:
    return [account(number) for number in range(count)]


def holder(own: str, kind: Kind, **fields: Any) -> Holder:
    return Holder(**{"id": own, "kind": kind, "active": True, "eligible": False, **fields})


def others(kind: Kind, count: int) -> list[Holder]:
    return [holder(f"{kind.value}{number}", kind) for number in range(count)]


def judge(people: Sequence[Account], *more: Holder) -> Result:
    users = [holder(person.id, Kind.USER) for person in people]
    return decide(GlobalAdministrators(holders=(*users, *more), accounts={person.id: person for person in people}))


APPLICATIONS = others(Kind.APPLICATION, 2)
OFF = {"enabled": False}


@pytest.mark.parametrize(
    ("people", "more", "expected"),
    [
        (accounts(0), [], ("fail", "GA_TOO_FEW")),
        (accounts(1), [], ("fail", "GA_TOO_FEW")),
        (accounts(1), APPLICATIONS, ("fail", "GA_TOO_FEW")),
        ([account(0), account(1, **OFF)], [], ("fail", "GA_TOO_FEW")),
        ([account(0), account(1, machine=True)], [], ("fail", "GA_TOO_FEW")),
        (accounts(1), others(Kind.USER, 1), ("fail", "GA_TOO_FEW")),
        (accounts(1), others(Kind.PARTNER, 3), ("fail", "GA_TOO_FEW")),
        (accounts(1), others(Kind.EMPTY_GROUP, 1), ("fail", "GA_TOO_FEW")),
        (accounts(2), [], ("ok", "GA_OK")),
        ([account(0), account(1, guest=True)], [], ("ok", "GA_OK")),
        (accounts(4), [], ("ok", "GA_OK")),
        (accounts(4), others(Kind.EMPTY_GROUP, 1), ("ok", "GA_OK")),
        (accounts(5), [], ("warn", "GA_HIGH")),
        ([*accounts(4), account(9, **OFF)], [], ("warn", "GA_HIGH")),
        ([*accounts(4), account(9, machine=True)], [], ("warn", "GA_HIGH")),
        (accounts(4), APPLICATIONS[:1], ("warn", "GA_HIGH")),
        (accounts(8), [], ("warn", "GA_HIGH")),
        (accounts(9), [], ("fail", "GA_TOO_MANY")),
        ([*accounts(8), account(9, **OFF)], [], ("fail", "GA_TOO_MANY")),
        (accounts(8), APPLICATIONS[:1], ("fail", "GA_TOO_MANY")),
        ([account(0), account(1, synchronized=True)], [], ("warn", "GA_SYNCED")),
        ([*accounts(2), account(9, synchronized=True, enabled=False)], [], ("warn", "GA_SYNCED")),
        ([*accounts(8), account(9, synchronized=True)], [], ("fail", "GA_TOO_MANY")),
        (accounts(2), others(Kind.PARTNER, 1), ("warn", "GA_PARTNER")),
        (accounts(2), others(Kind.UNRESOLVED, 1), ("ok", "GA_OK")),
        (accounts(4), others(Kind.UNRESOLVED, 1), ("unknown", "DATA_INCOMPLETE")),
        (accounts(1), others(Kind.UNRESOLVED, 1), ("fail", "GA_TOO_FEW")),
    ],
)
def test_global_administrators(people: list[Account], more: list[Holder], expected: tuple[str, str]) -> None:
    result = judge(people, *more)

    assert (result.status.value, result.reason_code) == expected


def test_every_holder_stands_in_the_evidence_with_its_kind() -> None:
    more = [holder("gone", Kind.USER), *(holder(kind.name, kind) for kind in Kind if kind is not Kind.USER)]
    payload = judge([account(0), account(1, guest=True, enabled=False)], *more).payload

    assert [(user["id"], user["enabled"], user["guest"]) for user in payload["users"]] == [
        ("u0", True, False),
        ("u1", False, True),
    ]
    assert (payload["deleted_users"], payload["applications"]) == (["gone"], ["APPLICATION"])
    assert (payload["partners"], payload["groups_without_members"]) == (["PARTNER"], ["EMPTY_GROUP"])
    assert payload["unresolved"] == ["UNRESOLVED"]


def test_a_holder_known_by_its_id_alone_can_be_a_user() -> None:
    people = accounts(2)
    users = (holder("u0", Kind.USER), holder("u1", Kind.UNRESOLVED))
    result = decide(GlobalAdministrators(holders=users, accounts={person.id: person for person in people}))

    assert (result.reason_code, result.payload["user_count"], result.payload["unresolved"]) == ("GA_OK", 2, [])


@pytest.mark.parametrize(
    ("people", "more", "expected"),
    [
        (accounts(2), [], "2 users of the tenant"),
        ([account(0), account(1, guest=True)], [], "1 users of the tenant, 1 guests"),
        (accounts(2), APPLICATIONS, "2 users of the tenant, 2 applications and machine accounts"),
    ],
)
def test_ok_names_the_kinds_of_holders(people: list[Account], more: list[Holder], expected: str) -> None:
    assert f"Global Administrators: {expected}; no user" in judge(people, *more).message


def test_the_same_holder_twice_is_one() -> None:
    active = holder("u", Kind.USER, via_group=True)
    eligible = holder("u", Kind.USER, active=False, eligible=True)

    assert merged([active, eligible]) == (Holder(id="u", kind=Kind.USER, active=True, eligible=True),)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, account(0)),
        ({"userType": "Guest"}, account(0, guest=True)),
        ({"userType": None, "displayName": None, "onPremisesSyncEnabled": None}, account(0)),
        ({"onPremisesSyncEnabled": True}, account(0, synchronized=True)),
        ({"accountEnabled": False}, account(0, enabled=False)),
        ({"userPrincipalName": "Sync_DC01_0a1b2c3d4e5f@contoso.onmicrosoft.com"}, account(0, machine=True)),
        ({"userPrincipalName": "ADToAADSyncServiceAccount@contoso.onmicrosoft.us"}, account(0, machine=True)),
        ({"userPrincipalName": "Sync_DC01_0a1b2c3d4e5f@contoso.example"}, account(0)),
        ({"userPrincipalName": "sync_master@contoso.onmicrosoft.com"}, account(0)),
        ({"displayName": "On-Premises Directory Synchronization Service Account"}, account(0)),
        (
            {"userPrincipalName": "Sync_DC01_0a1b2c3d4e5f@contoso.onmicrosoft.com", "onPremisesSyncEnabled": True},
            account(0, synchronized=True),
        ),
    ],
)
def test_an_account_is_read(fields: dict[str, Any], expected: Account) -> None:
    body = {"id": "U0", "accountEnabled": True, "onPremisesSyncEnabled": False, **fields}

    assert account_of(Fields(body, "user")) == expected
