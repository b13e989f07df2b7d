"""A place's ports are looked for on the machine, by binding them: here they are numbers."""

from collections.abc import Iterable

import pytest

from onboarding_devstack import place


def given_ports(names: Iterable[str], wanted: dict[str, int] | None = None) -> dict[str, int]:
    return {name: (wanted or {}).get(name, 20000 + number) for number, name in enumerate(names)}


@pytest.fixture(autouse=True)
def ports_that_nobody_binds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "choose_ports", given_ports)
