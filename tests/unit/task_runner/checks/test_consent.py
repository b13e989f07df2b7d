"""The rules of ``app.consent``: what is decided, what is waited for, and for how long."""

import pytest

from task_runner.checks.consent import grants as consent
from task_runner.checks.consent.app_consent import decide_by_token
from task_runner.checks.consent.grants import Consent
from task_runner.checks.consent.waiting import pause
from task_runner.checks.lists import AppManifest
from task_runner.providers.graph_errors import GraphRefused
from task_runner.tasks import Result, Wait
from task_runner.tasks.context import NO_DETAILS, RunDetails

MANIFEST = AppManifest(
    source="", version="1", resource_app_id="graph", app_roles={"A.Read": "role-a", "B.Read": "role-b"}
)
WOKEN = RunDetails(since_wake=0.0)
OK_BEFORE = RunDetails(previously_ok=True)
REFUSED = GraphRefused("GRAPH_FORBIDDEN", "No.", 403, "Authorization_RequestDenied")


def verdict(result: Result) -> tuple[str, str]:
    return result.status.value, result.reason_code


def granted(*roles: str, enabled: bool = True, other: tuple[str, ...] = ()) -> Consent:
    return Consent(principal_id="sp", enabled=enabled, granted=frozenset(roles), other=frozenset(other))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (granted("role-a", "role-b"), ("ok", "CONSENT_OK")),
        (granted("role-a", "role-b", "role-c"), ("warn", "CONSENT_EXCESS")),
        (granted("role-a", "role-b", other=("delegated Mail.Read on graph",)), ("warn", "CONSENT_EXCESS")),
        (granted("role-a", "role-b", enabled=False), ("fail", "CONSENT_DISABLED")),
        (granted("role-a", enabled=False), ("fail", "CONSENT_DISABLED")),
    ],
)
def test_consent_that_is_there_is_judged(found: Consent, expected: tuple[str, str]) -> None:
    assert verdict(consent.decide(MANIFEST, found, NO_DETAILS)) == expected


def test_a_missing_service_principal_is_waited_for() -> None:
    with pytest.raises(Wait) as caught:
        consent.decide(MANIFEST, None, NO_DETAILS)

    assert (caught.value.reason_code, caught.value.seconds) == ("CONSENT_MISSING", 300.0)
    assert "Send the consent link to an administrator of the customer" in caught.value.message
    assert caught.value.payload["missing"] == ["A.Read", "B.Read"]


@pytest.mark.parametrize("details", [NO_DETAILS, OK_BEFORE])
def test_missing_permissions_are_named_and_waited_for(details: RunDetails) -> None:
    with pytest.raises(Wait) as caught:
        consent.decide(MANIFEST, granted("role-a", "role-c"), details)

    wait = caught.value
    assert (wait.reason_code, wait.seconds) == ("CONSENT_PERMISSIONS_MISSING", 300.0)
    assert wait.message.startswith("Not granted: B.Read.")
    assert (wait.payload["granted"], wait.payload["missing"], wait.payload["extra"]) == (
        ["A.Read"],
        ["B.Read"],
        ["role-c"],
    )


def test_access_that_was_there_and_is_gone_fails() -> None:
    result = consent.decide(MANIFEST, None, OK_BEFORE)

    assert verdict(result) == ("fail", "CONSENT_LOST")
    assert "had access before" in result.message


def test_a_woken_run_looks_again_soon() -> None:
    with pytest.raises(Wait) as caught:
        consent.decide(MANIFEST, None, WOKEN)

    assert caught.value.seconds == 5.0


@pytest.mark.parametrize(
    ("since_wake", "seconds"),
    [
        (None, 300.0),
        (0.0, 5.0),
        (4.9, 5.0),
        (5.0, 10.0),
        (14.9, 10.0),
        (15.2, 20.0),
        (35.3, 30.0),
        (599.9, 30.0),
        (600.0, 300.0),
        (864_000.0, 300.0),
    ],
)
def test_pauses_grow_after_a_wake_and_end_with_it(since_wake: float | None, seconds: float) -> None:
    assert pause(since_wake) == seconds


@pytest.mark.parametrize(
    ("roles", "missing"),
    [
        (frozenset({"A.Read"}), ["B.Read"]),
        (frozenset[str](), ["A.Read", "B.Read"]),
        (None, ["A.Read", "B.Read"]),
    ],
)
def test_a_token_without_all_roles_is_waited_for(roles: frozenset[str] | None, missing: list[str]) -> None:
    with pytest.raises(Wait) as caught:
        decide_by_token(MANIFEST, roles, REFUSED, WOKEN)

    assert (caught.value.reason_code, caught.value.seconds) == ("CONSENT_PERMISSIONS_MISSING", 5.0)
    assert (caught.value.payload["read_from"], caught.value.payload["missing"]) == ("token", missing)


def test_a_token_with_all_roles_that_is_refused_is_unknown() -> None:
    result = decide_by_token(MANIFEST, frozenset({"A.Read", "B.Read"}), REFUSED, NO_DETAILS)

    assert verdict(result) == ("unknown", "GRAPH_FORBIDDEN")
