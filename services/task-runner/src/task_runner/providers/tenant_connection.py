"""A connection together with the tenant that uses it, and who it is at Microsoft."""

from typing import NamedTuple

from task_runner.tasks.context import Connection


class TenantConnection(NamedTuple):
    """A provider connection, and the platform's tenant whose run uses it."""

    tenant_id: int
    connection: Connection
    partner_of: str | None = None
    """The customer's Microsoft tenant, where the connection is to the partner's tenant on the customer's behalf."""

    @property
    def customer_tenant(self) -> str:
        """The GUID of the customer's Microsoft tenant."""
        return self.connection.external_tenant_id if self.partner_of is None else self.partner_of


class Identity(NamedTuple):
    """The asking application and the tenant at Microsoft, whichever connection says so."""

    cloud: str
    tenant: str
    client_id: str
    credential: str

    @classmethod
    def of(cls, connection: Connection) -> "Identity":
        """The identity of a connection."""
        return cls(
            connection.cloud,
            connection.external_tenant_id.lower(),
            connection.client_id.lower(),
            connection.credential_ref,
        )
