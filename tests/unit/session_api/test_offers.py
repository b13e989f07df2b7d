"""Inputs that a start omits: filled by what the latest run of another task offered."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding_shared.contracts.types import Mode, Scope, SessionStatus
from session_api.domain.inputs import InputsInvalid
from session_api.domain.offers import Offer, usable_offer
from session_api.domain.starting import (
    KnownConnection,
    OpenSession,
    Plan,
    Planned,
    Start,
    StartContext,
    TaskRule,
    plan,
)
from session_api.use_cases.inputs import check_inputs

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"relationship_id": {"type": ["string", "null"], "maxLength": 9}, "days": {"type": "integer"}},
    "additionalProperties": False,
}
RULE = TaskRule("check", Scope.CONNECTION, Mode.SHARED, 60.0, SCHEMA, inputs_from={"relationship_id": "invite"})
OFFER = Offer(1, "invite", 5, 71, {"relationship_id": "abc", "other": 1})
START = Start(1, "check", None, 7, None)


def planned(start: Start = START, *offers: Offer, rule: TaskRule = RULE, session: int | None = 71) -> Plan:
    sessions = () if session is None else (OpenSession(1, session, SessionStatus.IN_PROGRESS, 5),)
    connections = (KnownConnection(1, 5, False, "microsoft_graph", "t", "c", "x", "public"),)
    context = StartContext(NOW, (), sessions, connections, (rule,), offers)
    [answer] = plan([start], context, check_inputs)
    return answer


def inputs_of(answer: Plan) -> Any:
    assert isinstance(answer, Planned)
    return answer.inputs


def test_an_omitted_input_is_the_offered_one() -> None:
    assert inputs_of(planned(START, OFFER)) == {"relationship_id": "abc"}
    assert inputs_of(planned(replace(START, inputs={"days": 1}), OFFER)) == {"days": 1, "relationship_id": "abc"}


@pytest.mark.parametrize("given", ["xyz", None])
def test_a_given_input_stays(given: str | None) -> None:
    assert inputs_of(planned(replace(START, inputs={"relationship_id": given}), OFFER)) == {"relationship_id": given}


@pytest.mark.parametrize(
    "change", [{"tenant_id": 2}, {"task_type": "other"}, {"connection_id": 6}, {"session_id": 70}, {"session_id": None}]
)
def test_an_offer_of_elsewhere_is_not_used(change: dict[str, Any]) -> None:
    assert inputs_of(planned(START, replace(OFFER, **change))) is None


def test_an_offer_without_session_is_for_starts_without() -> None:
    assert inputs_of(planned(START, replace(OFFER, session_id=None), session=None)) == {"relationship_id": "abc"}


def test_a_retry_has_the_inputs_of_its_run() -> None:
    assert inputs_of(planned(replace(START, retry_of_run_id=3), OFFER)) is None


def test_an_offer_that_does_not_fit_is_left_out() -> None:
    assert inputs_of(planned(START, replace(OFFER, inputs={"relationship_id": "longer than nine"}))) is None


def test_an_offer_may_give_what_is_required() -> None:
    rule = replace(RULE, inputs_schema={**SCHEMA, "required": ["relationship_id"]})

    assert inputs_of(planned(START, OFFER, rule=rule)) == {"relationship_id": "abc"}
    assert isinstance(planned(START, rule=rule), InputsInvalid)


def test_wrong_inputs_are_refused_beside_an_offer() -> None:
    assert isinstance(planned(replace(START, inputs={"days": "x"}), OFFER), InputsInvalid)


@pytest.mark.parametrize("offered", [None, {}, [], "x", {"a": [[[[[[[[]]]]]]]]}, {"a": "x" * 17_000}])
def test_an_unusable_offer_is_no_offer(offered: object) -> None:
    assert usable_offer(offered) is None
