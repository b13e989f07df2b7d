"""The sealed records of given runs, for reports."""

from typing import Annotated

from litestar import Controller, get
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from evidence_store.routes.bodies import SealedRecord, record_body
from evidence_store.store.reading import read_records
from onboarding_shared.contracts.types import Id
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Permissions, requires
from onboarding_shared.web.operations import TenantId

MAX_RUNS = 100

Runs = Annotated[
    list[Id],
    QueryParameter(
        name="run",
        min_items=1,
        max_items=MAX_RUNS,
        description=f"Ids of runs of the tenant, at most {MAX_RUNS}; may be repeated.",
        examples=[Example(value=[17])],
    ),
]


class RecordRoutes(Controller):
    """The operation that reads sealed records."""

    path = "/tenants/{tenant_id:int}/onboarding/evidence/records"
    tags = ("evidence",)
    guards = (requires(Permissions.READ),)

    database: Database

    @get(operation_id="listSealedRecords", summary="List the sealed records of runs")
    async def list_records(self, tenant_id: TenantId, runs: Runs) -> list[SealedRecord]:
        """Return the records by position, about 4 MiB at most: ask again for the runs that are missing."""
        records = await self.database.run_single(lambda tx: read_records(tx, tenant_id, runs))
        return [record_body(record) for record in records]
