import re
from pathlib import Path

import pytest
from pydantic import Field

from onboarding_shared.process import message_settings
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from onboarding_shared.process.settings import Settings, SettingsError, load, load_for
from onboarding_shared.process.variables import unknown_variables


class Service(Settings):
    database: DatabaseSettings
    kafka: KafkaSettings
    identity: IdentitySettings
    silence_seconds: float = Field(20, gt=0, validation_alias="ONBOARDING_SILENCE_SECONDS")


@pytest.fixture(autouse=True)
def complete_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:hunter2@db/sessions")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("ONBOARDING_JWKS", "https://issuer.test/jwks")
    monkeypatch.setenv("ONBOARDING_JWT_ISSUER", "https://issuer.test")
    monkeypatch.delenv("ONBOARDING_SILENCE_SECONDS", raising=False)


def test_one_call_fills_a_service_and_all_its_sections() -> None:
    settings = load(Service)
    assert settings.database.url == "postgresql://app:hunter2@db/sessions"
    assert settings.kafka.topic_partitions == 12
    assert settings.identity.algorithms == ("RS256", "ES256", "EdDSA", "PS256")
    assert settings.silence_seconds == 20


def test_every_missing_or_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONBOARDING_JWKS")
    monkeypatch.delenv("ONBOARDING_JWT_ISSUER")
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("ONBOARDING_SILENCE_SECONDS", "soon")
    with pytest.raises(SettingsError) as raised:
        load(Service)
    names = [re.split(r"[ :]", line)[0] for line in raised.value.problems]
    assert names == ["DATABASE_URL", "ONBOARDING_JWT_ISSUER", "ONBOARDING_SILENCE_SECONDS"]


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_JWT_ISSUER", "")
    with pytest.raises(SettingsError, match="ONBOARDING_JWT_ISSUER is not set"):
        load(IdentitySettings)


@pytest.mark.parametrize("issuer", ["onboarding-demo", "http://issuer.test", "urn:issuer"])
def test_only_an_https_issuer_names_the_key_set(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    monkeypatch.delenv("ONBOARDING_JWKS")
    assert load(IdentitySettings).jwks is None
    monkeypatch.setenv("ONBOARDING_JWT_ISSUER", issuer)
    with pytest.raises(SettingsError, match="ONBOARDING_JWKS is not set"):
        load(IdentitySettings)


@pytest.mark.parametrize("name", ["HS256", "none", "HS512", "rs256", "ES256K"])
def test_only_asymmetric_algorithms_may_be_allowed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("ONBOARDING_JWT_ALGORITHMS", f"RS256,{name}")
    with pytest.raises(SettingsError, match=f"ONBOARDING_JWT_ALGORITHMS: {name} not allowed"):
        load(IdentitySettings)


def test_a_list_of_no_algorithms_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_JWT_ALGORITHMS", " , ")
    with pytest.raises(SettingsError, match="ONBOARDING_JWT_ALGORITHMS"):
        load(IdentitySettings)


def test_a_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://app:from-file@db/sessions\n", encoding="utf-8")
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DATABASE_URL_FILE", str(secret))
    assert load(DatabaseSettings).url == "postgresql://app:from-file@db/sessions"


def test_a_value_and_a_file_for_it_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", "/run/secrets/url")
    with pytest.raises(SettingsError, match="DATABASE_URL and DATABASE_URL_FILE are both set"):
        load(DatabaseSettings)


def test_a_secret_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "absent"))
    with pytest.raises(SettingsError, match="DATABASE_URL_FILE"):
        load(DatabaseSettings)


def test_an_error_never_shows_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://app:hunter2@db/x")
    with pytest.raises(SettingsError) as raised:
        load(DatabaseSettings)
    assert "hunter2" not in str(raised.value)


def test_settings_print_without_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter2")
    assert "hunter2" not in repr(load(Service))


def test_values_given_in_code_win_over_the_environment() -> None:
    assert KafkaSettings(bootstrap_servers="other:1").bootstrap_servers == "other:1"


def test_sasl_without_a_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    with pytest.raises(SettingsError, match="KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be set"):
        load(KafkaSettings)


def test_sasl_over_tls_gives_aiokafka_what_it_needs() -> None:
    options = KafkaSettings(
        bootstrap_servers="k:9093",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="app",
        sasl_password="secret",
    ).client_options()
    assert options.pop("ssl_context").check_hostname is True
    assert options == {
        "bootstrap_servers": "k:9093",
        "client_id": "onboarding",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "app",
        "sasl_plain_password": "secret",
    }


def test_the_server_listens_on_this_machine_only_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONBOARDING_HOST", raising=False)
    assert load(HttpSettings).host == "127.0.0.1"


def test_the_log_level_may_be_written_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_LOG_LEVEL", "debug")
    assert load(LogSettings).level == "DEBUG"


def test_a_file_that_is_missing_hides_no_other_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("DATABASE_URL_FILE", "/nowhere")
    monkeypatch.setenv("ONBOARDING_DATABASE_POOL_SIZE", "none")
    monkeypatch.setenv("KAFKA_CLIENT_ID_FILE", "/nowhere")
    monkeypatch.delenv("ONBOARDING_JWT_ISSUER")
    with pytest.raises(SettingsError) as raised:
        load(Service)
    assert [re.split(r"[ :]", line)[0] for line in raised.value.problems] == [
        "ONBOARDING_DATABASE_POOL_SIZE",
        "DATABASE_URL_FILE",
        "KAFKA_CLIENT_ID_FILE",
        "ONBOARDING_JWT_ISSUER",
    ]


def test_a_misspelt_setting_is_named_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONBOARDING_JWT_ISSUER")
    monkeypatch.setenv("ONBOARDING_SILENCE_SECOND", "5")
    with pytest.raises(SettingsError) as raised:
        load_for(Service, Service)
    missing, misspelt = raised.value.problems
    assert missing.startswith("ONBOARDING_JWT_ISSUER is not set")
    assert misspelt == "ONBOARDING_SILENCE_SECOND is no setting: did you mean ONBOARDING_SILENCE_SECONDS?"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("ONBOARDING_CONCURENCY", "ONBOARDING_CONCURRENCY"),
        ("ONBOARDING_LOGLEVEL", "ONBOARDING_LOG_LEVEL"),
        ("ONBOARDING_JWKS_URL_FILE", "ONBOARDING_JWKS"),
        ("ONBOARDING_OWN_SETTNG", "ONBOARDING_OWN_SETTING"),
    ],
)
def test_the_nearest_setting_is_suggested(name: str, nearest: str) -> None:
    (line,) = unknown_variables({name: "x"}, ["ONBOARDING_OWN_SETTING"])
    assert line == f"{name} is no setting: did you mean {nearest}?"


def test_a_name_that_is_near_to_none_has_a_way_out() -> None:
    (line,) = unknown_variables({"ONBOARDING_XYZZY": "x"}, [])
    assert line.endswith("list it in ONBOARDING_OTHER_VARIABLES if it is of something else")
    listed = {"ONBOARDING_XYZZY": "x", "ONBOARDING_OTHER_VARIABLES": "ONBOARDING_A, ONBOARDING_XYZZY"}
    assert list(unknown_variables(listed, [])) == []


def test_settings_of_other_services_and_of_tools_are_no_mistake() -> None:
    shared = dict.fromkeys(
        (
            "ONBOARDING_CONCURRENCY",
            "ONBOARDING_SWEEP_SECONDS",
            "ONBOARDING_CREDENTIALS_FILE",
            "ONBOARDING_HOME",
            "ONBOARDING_TEST_ENGINES",
            "PATH",
        ),
        "x",
    )
    assert list(unknown_variables(shared, [])) == []


def test_new_clients_do_not_read_the_file_of_authorities_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_text("", encoding="utf-8")
    read: list[str | None] = []
    monkeypatch.setattr(message_settings, "create_ssl_context", lambda cafile: read.append(cafile))
    kafka = KafkaSettings(bootstrap_servers="kafka:9093", security_protocol="SSL", ssl_cafile=str(authorities))

    for _ in range(3):
        kafka.client_options()

    assert read == [str(authorities)]


def test_health_and_the_api_cannot_share_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_PORT", "8000")
    monkeypatch.setenv("ONBOARDING_HEALTH_PORT", "8000")
    with pytest.raises(SettingsError, match="ONBOARDING_HEALTH_PORT and ONBOARDING_PORT must differ"):
        load(HttpSettings)


def test_both_ports_may_be_any_free_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_PORT", "0")
    monkeypatch.setenv("ONBOARDING_HEALTH_PORT", "0")
    assert load(HttpSettings).health_port == 0


def test_settings_of_task_packages_are_known_to_their_tasks_alone() -> None:
    given = {"ONBOARDING_TASK_HELPDESK_API_TOKEN": "x", "ONBOARDING_TASK_RUNNER_HELTH_URL": "x"}
    (line,) = unknown_variables(given, [])
    assert line.startswith("ONBOARDING_TASK_RUNNER_HELTH_URL is no setting: did you mean")
