"""Reports of sessions: what session-api knows of the runs, and what evidence-store has sealed of them."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database
from session_api.clients.evidence_store import EvidenceStoreClient
from session_api.clients.sealed_evidence import read_records, verify_chain
from session_api.domain.reports import Report, ReportedSession, ReportedTask, make_report, runs_to_read
from session_api.store.reports import read_reported_session, read_reported_tasks
from session_api.use_cases.report_turns import ReportTurns


class Reports:
    """Makes reports."""

    def __init__(self, database: Database, evidence: EvidenceStoreClient) -> None:
        self._database = database
        self._evidence = evidence
        self._turns = ReportTurns()

    async def make(self, tenant_id: int, session_id: int, user_id: int, headers: Mapping[str, str]) -> Report | None:
        """Return the report of a session; None if the tenant has none with this id.

        ``headers`` are the caller's, for evidence-store. Raises ``DependencyDown`` while its records cannot be read,
        ``TooManyReports`` when too many wait already.
        """
        async with self._turns.turn(user_id):
            loaded = await self._database.run(lambda tx: _load(tx, tenant_id, session_id))
            if loaded is None:
                return None
            session, tasks = loaded
            records = await read_records(self._evidence, tenant_id, runs_to_read(tasks), headers)
            chain = await verify_chain(self._evidence, tenant_id, headers)
            return make_report(session, tasks, records, chain)


async def _load(
    tx: AsyncConnection, tenant_id: int, session_id: int
) -> tuple[ReportedSession, list[ReportedTask]] | None:
    session = await read_reported_session(tx, tenant_id, session_id)
    return None if session is None else (session, await read_reported_tasks(tx, session))
