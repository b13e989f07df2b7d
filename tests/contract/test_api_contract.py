"""The API page of session-api covers the user's contract, and the comparison would see a difference."""

import copy
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec
import pytest
import yaml

from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.contract.api_comparison import differences

SESSION = "/tenants/{tenantId}/onboarding/session"
ONE_SESSION = "/tenants/{tenantId}/onboarding/session/{sessionId}"
TASKS = "/tenants/{tenantId}/onboarding/tasks"
RUNS = "/tenants/{tenantId}/onboarding/tasks/{taskType}/runs"
EVIDENCE = "/tenants/{tenantId}/onboarding/evidence"


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    return yaml.safe_load(files("session_api").joinpath("contract/openapi.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    made = Identity(tmp_path_factory.mktemp("identity"))
    made.ensure()
    return made


@pytest.fixture(scope="module")
def ours(identity: Identity) -> dict[str, Any]:
    return description(identity)


def description(identity: Identity) -> dict[str, Any]:
    """The description that the service serves; building it needs neither database nor broker."""
    service = build(
        SessionApiSettings(
            database=DatabaseSettings(url="postgresql://nobody@127.0.0.1:9/nothing"),
            kafka=KafkaSettings(bootstrap_servers="127.0.0.1:9"),
            log=LogSettings(),
            http=HttpSettings(),
            identity=IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
            evidence_store_url="http://127.0.0.1:9",
        )
    )
    return json.loads(msgspec.json.encode(service.app.openapi_schema.to_schema()))


def test_the_contract_has_its_six_operations(contract: dict[str, Any]) -> None:
    assert [(method, path) for path, item in contract["paths"].items() for method in item] == [
        ("get", SESSION),
        ("post", SESSION),
        ("patch", ONE_SESSION),
        ("get", TASKS),
        ("post", RUNS),
        ("get", EVIDENCE),
    ]


def test_the_service_covers_the_whole_contract(contract: dict[str, Any], ours: dict[str, Any]) -> None:
    assert list(differences(contract, ours)) == []


def test_every_described_problem_is_the_contracts_error_with_code(ours: dict[str, Any]) -> None:
    for path, item in ours["paths"].items():
        for method, operation in item.items():
            problems = {status: response for status, response in operation["responses"].items() if status[0] in "45d"}
            assert "default" in problems, (method, path)
            for status, problem in problems.items():
                body = resolved(ours, resolved(ours, problem)["content"]["application/json"]["schema"])
                assert {"error", "code"} <= set(body["required"]), (method, path, status)


def test_the_description_is_the_same_whenever_it_is_made(ours: dict[str, Any], identity: Identity) -> None:
    assert description(identity) == ours


def resolved(document: dict[str, Any], here: dict[str, Any]) -> dict[str, Any]:
    """The target of a reference."""
    while "$ref" in here:
        target: Any = document
        for part in here["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        here = target
    return here


def test_the_contract_covers_itself(contract: dict[str, Any]) -> None:
    assert list(differences(contract, contract)) == []


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


def drop_path(document: dict[str, Any]) -> None:
    del document["paths"][TASKS]


def drop_method(document: dict[str, Any]) -> None:
    del document["paths"][SESSION]["post"]


def drop_status(document: dict[str, Any]) -> None:
    del document["paths"][RUNS]["post"]["responses"]["409"]


def drop_parameter(document: dict[str, Any]) -> None:
    document["paths"][EVIDENCE]["get"]["parameters"].pop()


def require_parameter(document: dict[str, Any]) -> None:
    more = {"name": "since", "in": "query", "required": True, "schema": {"type": "string"}}
    document["paths"][EVIDENCE]["get"]["parameters"].append(more)


def require_body(document: dict[str, Any]) -> None:
    document["paths"][RUNS]["post"]["requestBody"] = {"required": True, "content": {}}


def drop_field(document: dict[str, Any]) -> None:
    del schema(document, "OnboardingTaskSummary")["properties"]["last_run_id"]


def make_field_optional(document: dict[str, Any]) -> None:
    schema(document, "OnboardingEvidence")["required"].remove("recorded_at")


def require_request_field(document: dict[str, Any]) -> None:
    schema(document, "UpdateOnboardingSessionRequest")["required"] = ["takeover"]


def add_enum_value(document: dict[str, Any]) -> None:
    schema(document, "OnboardingEvidence")["properties"]["status"]["enum"].append("skipped")


def make_nullable(document: dict[str, Any]) -> None:
    schema(document, "OnboardingSession")["properties"]["id"]["nullable"] = True


def forbid_null(document: dict[str, Any]) -> None:
    del schema(document, "OnboardingSession")["properties"]["locked_until"]["nullable"]


def forbid_no_session(document: dict[str, Any]) -> None:
    schema(document, "OnboardingSessionResponse")["properties"]["session"]["oneOf"].pop()


def change_type(document: dict[str, Any]) -> None:
    schema(document, "OperationRunLink")["properties"]["run_id"]["type"] = "string"


def change_bound(document: dict[str, Any]) -> None:
    schema(document, "OnboardingSession")["properties"]["current_step"]["maximum"] = 6


def change_format(document: dict[str, Any]) -> None:
    del schema(document, "OnboardingEvidence")["properties"]["recorded_at"]["format"]


def close_payload(document: dict[str, Any]) -> None:
    schema(document, "OnboardingEvidence")["properties"]["payload"]["additionalProperties"] = False


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (drop_path, [f"GET {TASKS}: missing"]),
        (drop_method, [f"POST {SESSION}: missing"]),
        (drop_status, [f"POST {RUNS} 409: missing"]),
        (drop_parameter, [f"GET {EVIDENCE}: parameter taskType in query missing"]),
        (require_parameter, [f"GET {EVIDENCE}: requires the parameter since"]),
        (require_body, [f"POST {RUNS}: requires a body"]),
        (drop_field, [f"GET {TASKS} 200[].last_run_id: missing"]),
        (make_field_optional, [f"GET {EVIDENCE} 200[].recorded_at: may be left out"]),
        (require_request_field, [f"PATCH {ONE_SESSION} body.takeover: required"]),
        (add_enum_value, [f"GET {EVIDENCE} 200[].status: values ['ok', 'warn', 'fail', 'unknown', 'skipped']"]),
        (make_nullable, [f"GET {SESSION} 200.session.id: nullable: True",
                         f"POST {SESSION} 201.id: nullable: True",
                         f"PATCH {ONE_SESSION} 200.id: nullable: True"]),
        (forbid_null, [f"GET {SESSION} 200.session.locked_until: nullable: False",
                       f"POST {SESSION} 201.locked_until: nullable: False",
                       f"PATCH {ONE_SESSION} 200.locked_until: nullable: False"]),
        (forbid_no_session, [f"GET {SESSION} 200.session: nullable: False"]),
        (change_type, [f"POST {RUNS} 201.run_id: is string, not integer"]),
        (change_bound, [f"GET {SESSION} 200.session.current_step: maximum 6",
                        f"POST {SESSION} 201.current_step: maximum 6",
                        f"PATCH {ONE_SESSION} 200.current_step: maximum 6"]),
        (change_format, [f"GET {EVIDENCE} 200[].recorded_at: format None"]),
        (close_payload, [f"GET {EVIDENCE} 200[].payload: no additional members"]),
    ],
)  # fmt: skip
def test_an_incomplete_description_is_reported_with_each_place(
    contract: dict[str, Any], spoil: Callable[[dict[str, Any]], None], expected: list[str]
) -> None:
    spoiled = copy.deepcopy(contract)
    spoil(spoiled)
    assert list(differences(contract, spoiled)) == expected


def test_the_actions_of_a_history_are_enumerated(ours: dict[str, Any]) -> None:
    assert ours["components"]["schemas"]["HistoryEntry"]["properties"]["action"] == {
        "type": "string",
        "enum": [
            "session_started",
            "lock_taken",
            "lock_released",
            "taken_over",
            "step_changed",
            "assigned",
            "connection_chosen",
            "status_changed",
            "consent_requested",
            "consent_answered",
            "session_completed",
            "session_abandoned",
            "run_started",
            "run_cancel_requested",
        ],
    }
