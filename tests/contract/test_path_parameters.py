"""Path parameters of all operations of both services have one spelling."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar

from evidence_store.app import build as build_evidence_store
from evidence_store.settings import EvidenceStoreSettings
from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from session_api.app import build as build_session_api
from session_api.settings import SessionApiSettings
from tests.support.asgi_requests import ask
from tests.support.published import page_of

Operation = tuple[str, Litestar, str]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    made = Identity(tmp_path_factory.mktemp("identity"))
    made.ensure()
    return made


@pytest.fixture(scope="module")
def operations(identity: Identity) -> list[Operation]:
    """Method, application and path template of each operation with a numeric parameter. Nothing is connected to."""
    common: dict[str, Any] = {
        "database": DatabaseSettings(url="postgresql://nobody@127.0.0.1:9/nothing"),
        "kafka": KafkaSettings(bootstrap_servers="127.0.0.1:9"),
        "log": LogSettings(),
        "http": HttpSettings(),
        "identity": IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
    }
    apps = (
        build_session_api(SessionApiSettings(**common, evidence_store_url="http://127.0.0.1:9")).app,
        build_evidence_store(EvidenceStoreSettings(**common)).http,
    )
    return [
        (method.upper(), app, path)
        for app in apps
        for path, item in page_of(app)["paths"].items()
        for method in item
        if numbers(path)
    ]


TEXTS = {
    "{taskType}": "license.inventory",
    "{event_type}": "org.onboarding.RunFinished.v1",
    "{cloud}": "public",
    "{externalTenantId}": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
}


def numbers(template: str) -> list[str]:
    """The parameters of a path template that are numbers."""
    return [part for part in template.split("/") if part.startswith("{") and part not in TEXTS]


def spelled(template: str, odd_parameter: str, odd: str) -> str:
    """The path with this spelling of one parameter; every other number is 42."""
    parts = (TEXTS.get(part, "42" if part.startswith("{") else part) for part in template.split("/"))
    odd_place = template.split("/").index(odd_parameter)
    return "/".join(odd if place == odd_place else part for place, part in enumerate(parts))


SPACES = ["%0A", "%09", "%0D", "%20", "%C2%A0", "%E2%80%83"]
ODD = st.one_of(
    st.sampled_from(["+42", "%2B42", "-42", "4_2", "%D9%A4%D9%A2", "%EF%BC%94%EF%BC%92"]),
    st.builds(lambda zeros: "0" * zeros + "42", st.integers(1, 300)),
    st.builds(lambda space: f"{space}42", st.sampled_from(SPACES)),
    st.builds(lambda space: f"42{space}", st.sampled_from(SPACES)),
)


@settings(max_examples=60, deadline=None)
@given(odd=ODD)
def test_an_oddly_written_number_in_a_path_is_the_same_404_everywhere(
    identity: Identity, operations: list[Operation], odd: str
) -> None:
    token = identity.token(7, [42])

    async def ask_all() -> set[tuple[int, str]]:
        return {
            await ask(app, method, spelled(template, parameter, odd), token=token)
            for method, app, template in operations
            for parameter in numbers(template)
        }

    assert len(operations) > 25
    assert asyncio.run(ask_all()) == {(404, "INVALID_PATH_ID")}
