"""A connection together with the tenant that uses it."""

from typing import NamedTuple

from task_runner.tasks.context import Connection


class TenantConnection(NamedTuple):
    """A provider connection, and the platform's tenant whose run uses it."""

    tenant_id: int
    connection: Connection
