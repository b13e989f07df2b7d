"""The audience of a Conditional Access policy: included and excluded users, groups, roles and kinds of guests.

Source of the values: https://learn.microsoft.com/graph/api/resources/conditionalaccessusers
"""

from collections.abc import Iterable, Iterator

import msgspec

from task_runner.providers.fields import Fields

USER, GROUP, ROLE, GUESTS = "user", "group", "role", "guests"
GUEST_KINDS = frozenset(
    {
        "internalguest",
        "b2bcollaborationguest",
        "b2bcollaborationmember",
        "b2bdirectconnectuser",
        "otherexternaluser",
        "serviceprovider",
    }
)
_ALL, _NONE, _ALL_GUESTS = "all", "none", "guestsorexternalusers"


class Principal(msgspec.Struct, frozen=True, order=True):
    """A user, a group, the holders of a role (its template id), or a kind of guests; ids are in lower case."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def may_overlap(self, other: "Principal") -> bool:
        """Return False only if no person can belong to both: two users, or two kinds of guests."""
        distinct = self.kind == other.kind and self.kind in (USER, GUESTS)
        return not distinct or self.id == other.id


class Tolerated(msgspec.Struct, frozen=True, kw_only=True):
    """The exclusions that are no gap: the same in every check.

    ``emergency_access`` are the declared emergency access accounts and groups. ``roles`` are those of directory
    synchronization, which cannot satisfy MFA. ``guests``: Microsoft lets partners exclude service providers, so that
    delegated administration works.
    """

    emergency_access: frozenset[str]
    roles: frozenset[str]
    guests: frozenset[str] = frozenset({"serviceprovider"})

    def __contains__(self, principal: Principal) -> bool:
        by_kind = {GROUP: self.emergency_access, USER: self.emergency_access, ROLE: self.roles, GUESTS: self.guests}
        return principal.id in by_kind[principal.kind]


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """The people whom a policy includes and excludes. ``some_guests``: it also includes guests of certain tenants."""

    everybody: bool = False
    included: frozenset[Principal] = frozenset()
    excluded: frozenset[Principal] = frozenset()
    some_guests: bool = False

    @property
    def nobody(self) -> bool:
        """True if it includes nobody, or only principals that it excludes as well."""
        return not (self.everybody or self.some_guests or self.included - self.excluded)

    @property
    def members(self) -> bool:
        """True if it includes members of the tenant, and not only guests."""
        return self.everybody or any(principal.kind != GUESTS for principal in self.included - self.excluded)

    def gaps(self, tolerated: Tolerated) -> tuple[Principal, ...]:
        """Return the exclusions that are not tolerated, sorted."""
        return tuple(sorted(principal for principal in self.excluded if principal not in tolerated))

    def includes(self, who: Principal | None) -> bool:
        """Return True if it includes all of ``who`` (None = everybody), regardless of exclusions of others."""
        if who is None:
            return self.everybody
        return (self.everybody or who in self.included) and who not in self.excluded

    def covers(self, who: Principal | None, tolerated: Tolerated) -> bool:
        """Return True if the policy applies to all of ``who`` (None = everybody), except tolerated exclusions."""
        gaps = self.gaps(tolerated)
        return self.includes(who) and not any(who is None or gap.may_overlap(who) for gap in gaps)

    def reaches(self, account: str, groups: frozenset[str] = frozenset()) -> bool:
        """Return True if the policy can apply to a member with this object id and these groups.

        Included groups and roles count as all users, because their members can change.
        """
        own = {Principal(USER, account), *(Principal(GROUP, group) for group in groups | {account})}
        included = self.everybody or any(
            principal in own or principal.kind in (GROUP, ROLE) for principal in self.included
        )
        return included and not own & self.excluded


def audience_of(users: Fields) -> Audience:
    """Return the audience in ``conditions.users``; null is empty. Raise ``CannotTell`` if a field is missing."""
    words = _ids(users, "includeUsers")
    included, some_guests = _guests(users, "includeGuestsOrExternalUsers")
    excluded, some_excluded = _guests(users, "excludeGuestsOrExternalUsers")
    return Audience(
        everybody=_ALL in words,
        included=frozenset(
            (
                *_principals(USER, words - {_ALL, _NONE, _ALL_GUESTS}),
                *_principals(GROUP, _ids(users, "includeGroups")),
                *_principals(ROLE, _ids(users, "includeRoles")),
                *_principals(GUESTS, included | (GUEST_KINDS if _ALL_GUESTS in words else frozenset())),
            )
        ),
        excluded=frozenset(_excluded(users, excluded | some_excluded)),
        some_guests=bool(some_guests),
    )


def _excluded(users: Fields, guests: frozenset[str]) -> Iterator[Principal]:
    words = _ids(users, "excludeUsers")
    yield from _principals(USER, words - {_NONE, _ALL_GUESTS})
    yield from _principals(GROUP, _ids(users, "excludeGroups"))
    yield from _principals(ROLE, _ids(users, "excludeRoles"))
    yield from _principals(GUESTS, guests | (GUEST_KINDS if _ALL_GUESTS in words else frozenset()))


def _guests(users: Fields, name: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the kinds of guests of all tenants, and those of certain tenants."""
    guests = users.at_or_none(name)
    if guests is None:
        return frozenset(), frozenset()
    kinds = frozenset(kind.strip().lower() for kind in guests.text("guestOrExternalUserTypes").split(","))
    tenants = guests.at_or_none("externalTenants") if guests.has("externalTenants") else None
    everywhere = tenants is None or tenants.text("membershipKind") == "all"
    return (kinds, frozenset()) if everywhere else (frozenset(), kinds)


def _principals(kind: str, ids: Iterable[str]) -> Iterator[Principal]:
    return (Principal(kind, object_id) for object_id in ids)


def _ids(users: Fields, name: str) -> frozenset[str]:
    return frozenset(object_id.lower() for object_id in users.texts_or_empty(name))
