"""Holds every test here, and the fixtures it asks for, to the rule of this folder."""

from collections.abc import Generator

import pytest

from tests.support.isolation import isolated


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    """A fixture of the whole session is made before any automatic one of this folder: hence no fixture, but hooks."""
    with isolated():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    with isolated():
        return (yield)
