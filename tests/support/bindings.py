"""The settings file with tenant bindings, as an operator writes it."""

import json

from task_runner.tasks import Connection


def bindings_of(tenant_id: int, *connections: Connection) -> bytes:
    """The file that binds the tenant to each of these connections."""
    return json.dumps(
        [
            {
                "tenant_id": tenant_id,
                "external_tenant_id": connection.external_tenant_id,
                "cloud": connection.cloud,
                "client_id": connection.client_id,
                "credential": connection.credential_ref,
            }
            for connection in connections
        ]
    ).encode()
