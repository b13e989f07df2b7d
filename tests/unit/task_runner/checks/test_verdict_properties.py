"""Properties of the verdicts on all tenants, and not only on those of the other tests."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from task_runner.checks.identity import admin_mfa, baseline, emergency_access, legacy_auth
from task_runner.checks.identity.accounts import Account
from task_runner.checks.identity.emergency_accounts import EmergencyAccount
from task_runner.checks.identity.global_admins import GlobalAdministrators
from task_runner.checks.identity.global_admins import decide as judge_administrators
from task_runner.checks.identity.holders import Holder
from task_runner.checks.identity.principals import Kind
from task_runner.checks.identity.registration import Administrator, Registration
from task_runner.tasks import Result
from tests.support.policies import ALL_GUESTS, REPORT, SYNC_ROLE, TOLERATED, guests, protection, sent

READY = Registration(administrators=(Administrator(id="u1", registered=True), Administrator(id="u2", registered=True)))
ROLES = {"Global Administrator": "r1", "User Administrator": "r2"}
ACCOUNTS = (EmergencyAccount(id="emergency", kind="user", usable=True),)
CHECKS: dict[str, Callable[[tuple[object, ...]], Result]] = {
    "baseline": lambda bodies: baseline.decide(protection(*bodies), TOLERATED),
    "legacy": lambda bodies: legacy_auth.decide(protection(*bodies), TOLERATED),
    "administrators": lambda bodies: admin_mfa.decide(protection(*bodies), READY, TOLERATED, ROLES),
    "emergency": lambda bodies: emergency_access.decide(ACCOUNTS, protection(*bodies)),
}
each_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
many = settings(max_examples=150, deadline=None)
RANK = {"ok": 0, "warn": 1, "fail": 2, "unknown": 2}

IDS = {"User": ["u1", "u2", "emergency"], "Group": ["g1", "emergency"], "Role": ["r1", "r2", SYNC_ROLE]}
GUEST_VALUES = [None, guests(ALL_GUESTS), guests("serviceProvider"), guests("internalGuest", "enumerated")]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2)


USERS = st.fixed_dictionaries(
    {
        "includeUsers": st.sampled_from([["All"], ["All"], [], ["None"], ["u1"]]),
        "excludeUsers": some(IDS["User"]),
        "includeGroups": some(IDS["Group"]),
        "excludeGroups": some(IDS["Group"]),
        "includeRoles": some(IDS["Role"]),
        "excludeRoles": some(IDS["Role"]),
        "includeGuestsOrExternalUsers": st.sampled_from(GUEST_VALUES),
        "excludeGuestsOrExternalUsers": st.sampled_from(GUEST_VALUES),
    }
)
APPLICATIONS = st.fixed_dictionaries(
    {"includeApplications": st.sampled_from([["All"], ["All"], ["a1"]]), "excludeApplications": some(["a1"])}
)
ONE_EXCLUSION = st.sampled_from(
    [
        {"excludeGuestsOrExternalUsers": guests(ALL_GUESTS)},
        {"excludeUsers": ["u1"]},
        {"excludeGroups": ["g1"]},
        {"excludeRoles": ["r1"]},
    ]
)
CONDITIONS = st.sampled_from([{}, {}, {"signInRiskLevels": ["high"]}])
GRANTS = st.sampled_from(
    [
        {},
        {},
        {"builtInControls": ["block"]},
        {"builtInControls": ["mfa", "compliantDevice"]},
        {"builtInControls": [], "customAuthenticationFactors": ["duo"]},
    ]
)
CLIENT_TYPES = ["browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "other"]


@st.composite
def policy(draw: st.DrawFn) -> dict[str, Any]:
    fields = {
        "state": st.sampled_from(["enabled", REPORT]),
        "clients": st.sampled_from([["all"], CLIENT_TYPES[:2], CLIENT_TYPES[2:]]),
        "users": st.one_of(USERS, ONE_EXCLUSION),
        "applications": APPLICATIONS,
        "conditions": CONDITIONS,
        "grant": GRANTS,
    }
    unusual = draw(st.sets(st.sampled_from(sorted(fields)), max_size=3))
    body = sent(**{name: draw(fields[name]) for name in sorted(unusual)})
    return body | {"id": draw(st.uuids()).hex}


tenants = st.lists(policy(), max_size=4).map(tuple)


def verdict(result: Result) -> tuple[str, str]:
    return result.status.value, result.reason_code


def _in_another_notation(body: dict[str, Any]) -> dict[str, Any]:
    """The same policy: everything restricted by nothing, empty lists as null, names in another case."""
    other = copy.deepcopy(body)
    conditions, users = other["conditions"], other["conditions"]["users"]
    conditions["platforms"] = {"includePlatforms": ["all"], "excludePlatforms": []}
    conditions["locations"] = {"includeLocations": ["All"], "excludeLocations": []}
    conditions["devices"] = {"deviceFilter": None}
    conditions["clientAppTypes"] = (
        CLIENT_TYPES if conditions["clientAppTypes"] == ["all"] else conditions["clientAppTypes"]
    )
    conditions["userRiskLevels"] = ["low", "medium", "high", "none"]
    for name, value in users.items():
        users[name] = None if value == [] else [item.upper() for item in value] if isinstance(value, list) else value
    other["grantControls"]["termsOfUse"] = None
    return other


@each_check
@many
@given(bodies=tenants)
def test_two_notations_give_one_verdict(check: Callable[..., Result], bodies: tuple[dict[str, Any], ...]) -> None:
    assert verdict(check(tuple(_in_another_notation(body) for body in bodies))) == verdict(check(bodies))


NOBODY = st.sampled_from(
    [
        {"users": {"includeUsers": ["None"]}},
        {"users": {"includeUsers": []}},
        {"users": {"includeUsers": ["u1"], "excludeUsers": ["U1"]}},
        {"state": "disabled"},
        {"applications": {"includeApplications": [], "includeUserActions": ["urn:user:registerdevice"]}},
        {"conditions": {"clientApplications": {"includeServicePrincipals": ["x"]}}},
    ]
)


@each_check
@many
@given(bodies=tenants, fields=NOBODY, grant=GRANTS)
def test_a_policy_for_nobody_changes_nothing(
    check: Callable[..., Result], bodies: tuple[object, ...], fields: dict[str, Any], grant: dict[str, Any]
) -> None:
    assert verdict(check((*bodies, sent("Nobody", grant=grant, **fields)))) == verdict(check(bodies))


@each_check
@many
@given(bodies=tenants)
def test_the_order_of_the_policies_is_irrelevant(check: Callable[..., Result], bodies: tuple[object, ...]) -> None:
    assert verdict(check(bodies[::-1])) == verdict(check(bodies))


def _ways(body: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in body.items() if isinstance(body, dict) else ():
        yield (*before, name)
        yield from _ways(value, (*before, name))


@each_check
@settings(max_examples=200, deadline=None)
@given(bodies=st.lists(policy(), min_size=1, max_size=2).map(tuple))
def test_a_missing_fact_turns_no_verdict_into_ok(
    check: Callable[..., Result], bodies: tuple[dict[str, Any], ...]
) -> None:
    if check(bodies).status.value == "ok":
        return
    for number, body in enumerate(bodies):
        for way in _ways(body):
            spoiled = copy.deepcopy(body)
            parent = spoiled
            for name in way[:-1]:
                parent = parent[name]
            del parent[way[-1]]

            assert check((*bodies[:number], spoiled, *bodies[number + 1 :])).status.value != "ok", way


@each_check
@many
@given(bodies=tenants)
def test_another_policy_never_hides_who_is_let_in(check: Callable[..., Result], bodies: tuple[object, ...]) -> None:
    """A policy that cannot be judged turns nothing into ``ok``."""
    before, after = check(bodies), check((*bodies, {"id": "x", "state": "enabled"}))

    assert after.status.value != "ok" or before.status.value == "ok"


@st.composite
def administrators(draw: st.DrawFn) -> GlobalAdministrators:
    seldom = st.sampled_from([False] * 5 + [True])
    rare = {"guest": seldom, "synchronized": seldom, "machine": seldom}
    flags = st.fixed_dictionaries({"enabled": seldom.map(lambda disabled: not disabled), **rare})
    people = [Account(id=f"u{number}", **fields) for number, fields in enumerate(draw(st.lists(flags, max_size=10)))]
    kinds = draw(st.lists(st.sampled_from(list(Kind)), max_size=3))
    holders = [Holder(id=account.id, kind=Kind.USER, active=True, eligible=False) for account in people]
    holders += [Holder(id=f"x{number}", kind=kind, active=True, eligible=False) for number, kind in enumerate(kinds)]
    return GlobalAdministrators(holders=tuple(holders), accounts={account.id: account for account in people})


@many
@given(before=administrators().filter(lambda holders: holders.accounts), data=st.data())
def test_disabling_a_person_improves_no_verdict(before: GlobalAdministrators, data: st.DataObject) -> None:
    own = data.draw(st.sampled_from(sorted(before.accounts)))
    account = before.accounts[own]
    disabled = Account(
        id=own, enabled=False, guest=account.guest, synchronized=account.synchronized, machine=account.machine
    )
    after = GlobalAdministrators(holders=before.holders, accounts={**before.accounts, own: disabled})

    assert RANK[judge_administrators(after).status.value] >= RANK[judge_administrators(before).status.value]
