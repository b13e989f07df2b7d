"""Consent links, their settings, and what is read of an answer."""

import pytest

from onboarding_shared.process.settings import SettingsError, load
from onboarding_shared.web.errors import Conflict
from session_api.domain.starting import KnownConnection
from session_api.routes.consent_callback import read_answer
from session_api.routes.consent_links import ConsentLinks
from session_api.settings import ConsentSettings

TENANT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
CLIENT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
REGISTERED = "6fa459ea-ee8a-4ca4-894e-db77e160355e"


def connection(cloud: str = "public") -> KnownConnection:
    return KnownConnection(
        tenant_id=42,
        id=5,
        disabled=False,
        provider="microsoft_graph",
        external_tenant_id=TENANT,
        client_id=CLIENT,
        credential_ref="env:GRAPH_SECRET",
        cloud=cloud,
    )


def test_a_link_has_every_parameter_encoded() -> None:
    links = ConsentLinks(ConsentSettings(), "https://api.example")

    assert links.url(connection(), "a-b_c") == (
        "https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0/adminconsent"
        "?client_id=7c9e6679-7425-40de-944b-e07fc1f90ae7"
        "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        "&redirect_uri=https%3A%2F%2Fapi.example%2Fonboarding%2Fconsent%2Fcallback"
        "&state=a-b_c"
    )


@pytest.mark.parametrize(
    ("cloud", "login", "graph"),
    [
        ("us_gov", "login.microsoftonline.us", "graph.microsoft.us"),
        ("us_dod", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_a_link_leads_to_the_cloud_of_its_connection(cloud: str, login: str, graph: str) -> None:
    url = ConsentLinks(ConsentSettings(), "https://api.example").url(connection(cloud), "s")

    assert url.startswith(f"https://{login}/{TENANT}/v2.0/adminconsent?")
    assert f"&scope=https%3A%2F%2F{graph}%2F.default&" in url


def test_settings_replace_hosts_application_and_redirect_address() -> None:
    settings = ConsentSettings(
        login_url="http://127.0.0.1:1/",
        graph_url="http://127.0.0.1:2",
        client_ids={"us_gov": REGISTERED},
        redirect_url="https://front.example/back?x=1",
    )
    links = ConsentLinks(settings, "https://api.example")

    assert links.url(connection("us_gov"), "s") == (
        f"http://127.0.0.1:1/{TENANT}/v2.0/adminconsent?client_id={REGISTERED}"
        "&scope=http%3A%2F%2F127.0.0.1%3A2%2F.default"
        "&redirect_uri=https%3A%2F%2Ffront.example%2Fback%3Fx%3D1&state=s"
    )
    assert f"client_id={CLIENT}&" in links.url(connection("public"), "s")


def test_without_an_address_to_come_back_to_no_link_is_made() -> None:
    with pytest.raises(Conflict, match="CONSENT_NOT_CONFIGURED"):
        ConsentLinks(ConsentSettings(), "").check()


def test_client_ids_are_read_from_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_CONSENT_CLIENT_IDS", f'{{"public": "{REGISTERED.upper()}"}}')

    assert load(ConsentSettings).client_ids == {"public": REGISTERED}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ONBOARDING_CONSENT_CLIENT_IDS", "{"),
        ("ONBOARDING_CONSENT_CLIENT_IDS", '{"public": "app"}'),
        ("ONBOARDING_CONSENT_CLIENT_IDS", f'{{"mars": "{REGISTERED}"}}'),
        ("ONBOARDING_CONSENT_REDIRECT_URL", "javascript:alert(1)"),
        ("ONBOARDING_CONSENT_REQUEST_SECONDS", "59"),
        ("ONBOARDING_LOGIN_URL", "login.example"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=name):
        load(ConsentSettings)


def test_of_an_answer_only_known_parameters_are_read() -> None:
    query = b"state=s&tenant=t&admin_consent=True&error=e&scope=x&error_description=AADSTS65004%3A+no&unknown=1"

    assert read_answer(query) == {"state": "s", "tenant": "t", "admin_consent": "True", "error": "e"}


@pytest.mark.parametrize(
    "query",
    [
        b"state=a&state=b",
        b"state=s&error=x&error=",
        b"state=" + b"s" * 101,
        b"state=s&tenant=" + b"t" * 37,
        b"state=s&error=" + b"e" * 201,
        b"state=s&error_description=" + b"d" * 8192,
        b"state=s&" + b"&".join(b"p%d=1" % number for number in range(20)),
        "state=ä".encode(),
    ],
)
def test_repeated_and_oversized_parameters_are_refused(query: bytes) -> None:
    assert read_answer(query) is None


def test_an_empty_query_has_no_answer() -> None:
    assert read_answer(b"") == {}
