"""The file with the tenant bindings of an embedded system."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from onboarding_devstack import tenant_bindings
from onboarding_devstack.place import Place, prepare
from onboarding_devstack.system import environments
from onboarding_devstack.tenant_bindings import BindingRefused, bind, binding_of
from onboarding_shared.contracts.bindings import parse_bindings

FIRST, SECOND = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
Answers = Callable[[int], None]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return prepare(tmp_path)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Lets session-api answer every request with a status."""
    client = httpx2.AsyncClient

    def answer_with(status: int) -> None:
        body = {"code": "BINDING_IN_USE", "error": "in use", "next": "wait"}
        transport = httpx2.MockTransport(lambda _: httpx2.Response(status, json=body))
        monkeypatch.setattr(tenant_bindings.httpx2, "AsyncClient", lambda **given: client(**given, transport=transport))

    return answer_with


def bound(place: Place) -> dict[str, int]:
    bindings = parse_bindings(place.bindings.read_bytes())
    return {microsoft.external_tenant_id: binding.tenant_id for microsoft, binding in bindings.items()}


def test_the_runner_reads_a_file_that_binds_nothing_at_first(place: Place) -> None:
    assert environments(place)["task-runner"]["ONBOARDING_TENANT_BINDINGS"] == str(place.bindings)
    assert bound(place) == {}


async def test_each_binding_is_added_to_the_others(place: Place, answers: Answers) -> None:
    answers(200)
    await bind(place, [binding_of(7, FIRST)])
    await bind(place, [binding_of(8, SECOND), binding_of(9, FIRST.upper())])

    assert bound(place) == {FIRST: 9, SECOND: 8}
    prepare(place.folder)
    assert bound(place) == {FIRST: 9, SECOND: 8}


async def test_what_session_api_refuses_is_not_in_the_file(place: Place, answers: Answers) -> None:
    answers(409)
    with pytest.raises(BindingRefused, match="409 BINDING_IN_USE: in use") as caught:
        await bind(place, [binding_of(7, FIRST)])

    assert caught.value.next_step == "wait"
    assert bound(place) == {}
