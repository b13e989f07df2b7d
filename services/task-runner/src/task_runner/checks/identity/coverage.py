"""Policies that together reach everybody: what one leaves out, another may contain.

The best of several policies is the one with the fewest gaps, after those that another policy closes are removed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec

from task_runner.checks.identity.audience import Principal, Tolerated
from task_runner.checks.identity.policies import AccessPolicy


class GapKind(StrEnum):
    """The kind of a gap: people, an application, a client type, another limit; or something accepted instead of MFA."""

    PEOPLE = "people"
    APPLICATION = "application"
    CLIENT = "client"
    LIMIT = "limit"
    CONTROL = "control"
    EXTERNAL = "external"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A gap with its display text; ``principal``, or the id of the application or client, is what it leaves out."""

    kind: GapKind
    text: str
    principal: Principal | None = None
    id: str | None = None

    @property
    def exclusion(self) -> bool:
        """True for people whom the policy includes, and then excludes."""
        return self.kind is GapKind.PEOPLE and self.principal is not None


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """The sign-ins to be covered: of ``who`` (None = everybody) with ``clients``, to every application.

    ``control_gap`` returns the gap of a policy's grant control, or None; ``closes`` is True for a policy whose grant
    control makes up for what another policy leaves out.
    """

    who: Principal | None
    clients: frozenset[str]
    control_gap: Callable[[AccessPolicy], Gap | None]
    closes: Callable[[AccessPolicy], bool]


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that comes closest, and the gaps that no other policy closes."""

    policy: AccessPolicy
    gaps: tuple[Gap, ...]

    @property
    def complete(self) -> bool:
        """True if nothing is left out."""
        return not self.gaps

    @property
    def with_exclusions_only(self) -> bool:
        """True if only people are left out, whom the policy excludes."""
        return all(gap.exclusion for gap in self.gaps)


def best_coverage(
    candidates: Sequence[AccessPolicy], others: Sequence[AccessPolicy], sought: Sought, tolerated: Tolerated
) -> Coverage | None:
    """Return the best coverage of ``sought`` by one of the candidates, together with what ``others`` add.

    None: no candidate includes those who have to be covered.
    """
    coverages = [
        Coverage(policy=policy, gaps=tuple(_open_gaps(policy, others, sought, tolerated)))
        for policy in candidates
        if policy.audience.includes(sought.who)
    ]
    return min(coverages, key=_distance) if coverages else None


def _distance(coverage: Coverage) -> tuple[int, int, str]:
    others = sum(not gap.exclusion for gap in coverage.gaps)
    return others, len(coverage.gaps), coverage.policy.id


def gaps_of(policy: AccessPolicy, sought: Sought, tolerated: Tolerated) -> Iterator[Gap]:
    """Return everything in ``sought`` that this policy alone leaves out."""
    if not policy.audience.includes(sought.who):
        yield Gap(kind=GapKind.PEOPLE, text="not all users")
    for principal in policy.audience.gaps(tolerated):
        if principal != sought.who:
            yield Gap(kind=GapKind.PEOPLE, text=f"{principal} is excluded", principal=principal)
    if not policy.resources.everything:
        yield Gap(kind=GapKind.LIMIT, text="not all applications")
    for application in sorted(policy.resources.excluded):
        yield Gap(kind=GapKind.APPLICATION, text=f"application {application} is excluded", id=application)
    for client in sorted(sought.clients - policy.clients):
        yield Gap(kind=GapKind.CLIENT, text=f"not for the client type {client}", id=client)
    for limit in policy.limits:
        yield Gap(kind=GapKind.LIMIT, text=limit)
    control = sought.control_gap(policy)
    if control is not None:
        yield control


def _open_gaps(
    policy: AccessPolicy, policies: Iterable[AccessPolicy], sought: Sought, tolerated: Tolerated
) -> Iterator[Gap]:
    others = [other for other in policies if other.id != policy.id and not other.limits and sought.closes(other)]
    for gap in gaps_of(policy, sought, tolerated):
        if not any(_closes(other, gap, sought, tolerated) for other in others):
            yield gap


def _closes(other: AccessPolicy, gap: Gap, sought: Sought, tolerated: Tolerated) -> bool:
    who, application, clients = sought.who, None, sought.clients
    match gap.kind:
        case GapKind.PEOPLE if gap.principal is not None:
            who = gap.principal
        case GapKind.APPLICATION:
            application = gap.id
        case GapKind.CLIENT if gap.id is not None:
            clients = frozenset({gap.id})
        case _:
            return False
    return other.audience.covers(who, tolerated) and other.resources.covers(application) and other.clients >= clients
