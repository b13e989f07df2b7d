"""The events of an edit lock, without a database."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from onboarding_shared.contracts.session_api import SessionLockChanged
from onboarding_shared.contracts.types import SessionStatus
from session_api.domain.edit_lock import EditLock
from session_api.domain.lock_events import lock_event
from session_api.domain.sessions import Session

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ME, OTHER = 7, 8


def lock(holder: int, seconds: float) -> EditLock:
    return EditLock(holder, NOW + timedelta(seconds=seconds))


def session(now_held: EditLock | None) -> Session:
    return Session(1, 42, SessionStatus.IN_PROGRESS, 1, None, None, now_held)


def told(holder: int | None, seconds: float | None) -> SessionLockChanged:
    until = None if seconds is None else NOW + timedelta(seconds=seconds)
    return SessionLockChanged(tenant_id=42, session_id=1, by_user_id=ME, locked_by_user_id=holder, locked_until=until)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, lock(ME, 900), told(ME, 900)),
        (lock(OTHER, -1), lock(ME, 900), told(ME, 900)),
        (lock(ME, -1), lock(ME, 900), told(ME, 900)),
        (lock(OTHER, 300), lock(ME, 900), told(ME, 900)),
        (lock(ME, 300), None, told(None, None)),
    ],
    ids=["free", "expired", "expired of the same user", "taken over", "given back"],
)
def test_another_holder_of_the_lock_is_told(
    before: EditLock | None, after: EditLock | None, expected: SessionLockChanged
) -> None:
    assert lock_event(before, session(after), ME, NOW) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, None), (lock(OTHER, -1), None), (lock(OTHER, 300), lock(OTHER, 300)), (lock(ME, 900), lock(ME, 909.9))],
    ids=["never held", "expired", "refused", "renewed within ten seconds"],
)
def test_a_lock_as_others_know_it_is_not_told(before: EditLock | None, after: EditLock | None) -> None:
    assert lock_event(before, session(after), ME, NOW) is None


def test_renewals_each_second_are_told_every_ten_seconds() -> None:
    ends = [lock(ME, 900 + second) for second in range(31)]

    messages = [lock_event(before, session(after), ME, NOW) for before, after in itertools.pairwise(ends)]

    assert [message for message in messages if message] == [told(ME, 910), told(ME, 920), told(ME, 930)]
