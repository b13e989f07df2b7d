"""Credentials that the operator defines by name, as JSON or TOML."""

import json
from typing import Any

import pytest

from onboarding_shared.process.settings import SettingsError, load
from task_runner.named_credentials import CredentialKind, NamedCredential, parse_credentials
from task_runner.settings import TaskRunnerSettings

APPLICATION = "aaaaaaaa-0000-4000-8000-00000000000a"
ENTRY = {"kind": "secret", "source": "env:GRAPH_SECRET", "client_id": APPLICATION, "tenants": [7, 8]}
MAIN = NamedCredential(
    name="main",
    kind=CredentialKind.SECRET,
    source="env:GRAPH_SECRET",
    client_id=APPLICATION,
    tenants=frozenset({7, 8}),
)


def entry(**changed: Any) -> dict[str, Any]:
    return {name: value for name, value in {**ENTRY, **changed}.items() if value is not None}


def refusal(text: str) -> str:
    with pytest.raises(ValueError) as caught:
        parse_credentials(text)
    return str(caught.value)


def test_json_and_toml_define_the_same_credentials() -> None:
    toml = f'[main]\nkind = "secret"\nsource = "env:GRAPH_SECRET"\nclient_id = "{APPLICATION}"\ntenants = [7, 8]\n'

    assert parse_credentials(json.dumps({"main": ENTRY})) == parse_credentials(toml) == {"main": MAIN}


def test_all_tenants_and_some_clouds_can_be_allowed() -> None:
    (named,) = parse_credentials(json.dumps({"main": entry(tenants="all", clouds=["us_gov"])})).values()

    assert named.allows_tenant(12345)
    assert named.clouds == {"us_gov"}
    assert not MAIN.allows_tenant(9)


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("secret", "file:/run/secrets/graph"),
        ("certificate", "file:/run/secrets/app.pem"),
        ("certificate", "env:APP_PEM"),
        ("federated_token_file", "file:/var/run/secrets/tokens/azure"),
        ("managed_identity", "BBBBBBBB-0000-4000-8000-00000000000b"),
    ],
)
def test_every_kind_has_its_sources(kind: str, source: str) -> None:
    (named,) = parse_credentials(json.dumps({"main": entry(kind=kind, source=source)})).values()

    assert named.source in (source, source.lower())


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "password"},
        {"kind": None},
        {"kind": ["secret"]},
        {"source": "hunter2"},
        {"source": "env:DATABASE_URL"},
        {"source": "env:KAFKA_SASL_PASSWORD"},
        {"source": "file:/proc/self/environ"},
        {"source": "file:/dev/stdin"},
        {"source": "file:relative"},
        {"source": "file:/run/../etc/shadow"},
        {"source": None},
        {"kind": "federated_token_file", "source": "env:TOKEN"},
        {"kind": "managed_identity", "source": "file:/x"},
        {"client_id": "contoso"},
        {"client_id": 7},
        {"tenants": None},
        {"bound": False},
        {"tenants": []},
        {"tenants": "7"},
        {"tenants": [0]},
        {"tenants": [True]},
        {"tenants": ["7"]},
        {"clouds": []},
        {"clouds": ["mars"]},
        {"clouds": [["public"]]},
        {"password": "hunter2"},
    ],
    ids=str,
)
def test_a_wrong_entry_is_named_without_its_values(changed: dict[str, Any]) -> None:
    message = refusal(json.dumps({"first": ENTRY, "main": entry(**changed)}))

    assert message.startswith("main: ")
    assert not any(word in message for word in ("hunter2", "mars", "contoso", "KAFKA", "shadow", "TOKEN", "password"))


@pytest.mark.parametrize("name", ["", "Main", "env:X", "a_b", "1st", "a" * 64, "s3cret~Value"])
def test_a_wrong_name_is_counted_not_repeated(name: str) -> None:
    assert refusal(json.dumps({"main": ENTRY, name: ENTRY})).startswith("the name of entry 2 ")


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', "hunter2", "[main\n", '{"main": "hunter2"}', "main = 7"])
def test_what_is_neither_json_nor_toml_is_refused(text: str) -> None:
    assert "hunter2" not in refusal(text)


def test_the_setting_is_read_and_its_errors_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/d")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "h:9092")
    monkeypatch.setenv("ONBOARDING_CREDENTIALS", json.dumps({"main": ENTRY}))
    assert load(TaskRunnerSettings).outside.credentials == {"main": MAIN}

    monkeypatch.setenv("ONBOARDING_CREDENTIALS", json.dumps({"main": entry(source="hunter2")}))
    with pytest.raises(SettingsError) as raised:
        load(TaskRunnerSettings)
    (problem,) = raised.value.problems
    assert problem.startswith("ONBOARDING_CREDENTIALS: main: source must be")
    assert "hunter2" not in problem
