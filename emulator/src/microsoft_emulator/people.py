"""The people who sign in to a tenant, with their roles there; and those of the partner in a customer's tenant."""

from collections.abc import Iterator

import msgspec

from microsoft_emulator import directory
from microsoft_emulator.assertions import Refused
from microsoft_emulator.gdap_roles import GLOBAL_ADMINISTRATOR
from microsoft_emulator.groups import member_ids
from microsoft_emulator.ids import PARTNER_TENANT
from microsoft_emulator.tenants import Tenant, Tenants


class Person(msgspec.Struct, frozen=True):
    """A person with their roles (template ids) in the tenant that a token is for."""

    id: str
    name: str
    user_principal_name: str
    enabled: bool
    guest: bool
    roles: tuple[str, ...]

    @property
    def is_administrator(self) -> bool:
        """True for a holder of Global Administrator."""
        return GLOBAL_ADMINISTRATOR in self.roles


def people(tenant: Tenant) -> list[Person]:
    """Everybody with an account in the tenant."""
    return [_person(tenant, name) for name in directory.names(tenant)]


def _person(tenant: Tenant, name: str) -> Person:
    administrators = (
        *directory.ADMINISTRATORS,
        directory.GUEST_ADMINISTRATOR,
        directory.DISABLED_ADMINISTRATOR,
    )
    return Person(
        id=tenant.id_of(f"user/{name}"),
        name=name,
        user_principal_name=directory.principal_name(tenant, name),
        enabled=directory.is_enabled(name),
        guest=directory.is_guest(name),
        roles=(GLOBAL_ADMINISTRATOR,) if name in administrators else (),
    )


def person_with(tenant: Tenant, user: str) -> Person | None:
    """The person with this object id or user principal name."""
    return next((known for known in people(tenant) if user in (known.id, known.user_principal_name)), None)


def signed_in(tenants: Tenants, home: Tenant, user: str, tenant: Tenant) -> Person | Refused:
    """A person of ``home`` in the tenant that a token is for; or the reason why there is none for them."""
    person = person_with(home, user)
    if person is None:
        return "50034", "The user account does not exist in the directory."
    if not person.enabled:
        return "50057", "The user account is disabled."
    if home.guid == tenant.guid:
        return person
    roles = tuple(sorted(set(_delegated_roles(tenants, home, user, tenant)))) if home.guid == PARTNER_TENANT else ()
    if not roles:
        return "50020", f"User account '{person.user_principal_name}' does not exist in tenant '{tenant.guid}'."
    return msgspec.structs.replace(person, roles=roles)


def _delegated_roles(tenants: Tenants, partner: Tenant, user: str, customer: Tenant) -> Iterator[str]:
    """The roles of a user of the partner in a customer's tenant: by active mappings of their groups."""
    active = tenants.relationships(lambda known: known.customer == customer.guid and known.status == "active")
    for relationship in active:
        for assignment in relationship.assignments.values():
            if assignment.status == "active" and user in (member_ids(partner, assignment.group) or ()):
                yield from assignment.roles
