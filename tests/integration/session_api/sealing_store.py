"""An imitation of evidence-store for reports: it seals what a test says, and answers as the real one does."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from evidence_store.domain.chain import EMPTY, StoredEvidence, extend
from onboarding_shared.contracts.task_runner import RunFinished


class SealingStore:
    """Records by run, and the answer of the verification. ``most`` is how many records one answer has."""

    def __init__(self) -> None:
        self.rows: list[StoredEvidence] = []
        self.verification: dict[str, Any] | None = {"verified": True, "length": 0, "head": "0" * 64, "break": None}
        self.most = 100
        self.status = 200
        self.asked: list[str] = []
        self.url = ""
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def seal(self, results: Sequence[RunFinished], at: datetime) -> None:
        """Seal these results, in this order."""
        tenant_id = results[0].tenant_id
        self.rows, heads = extend({tenant_id: EMPTY}, results, range(201, 201 + len(results)), at)
        head = heads[tenant_id]
        self.verification = {"verified": True, "length": head.length, "head": head.seal.hex(), "break": None}

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.create_task(self._serve(reader, writer))
        self._handlers.add(handler)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(request)
            status, answer = self._answer(request.split(" ")[1])
            body = json.dumps(answer).encode()
            head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        finally:
            writer.close()

    def _answer(self, target: str) -> tuple[int, Any]:
        if self.status != 200:
            return self.status, {}
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path.endswith("/verification"):
            return (503, {}) if self.verification is None else (200, self.verification)
        wanted = {int(run_id) for run_id in query["run"]}
        return 200, [_record(row) for row in self.rows if row.run_id in wanted][: self.most]


def _record(row: StoredEvidence) -> dict[str, Any]:
    return {
        "id": row.id,
        "position": row.position,
        "operation_run_id": row.run_id,
        "previous_seal": row.previous_seal.hex(),
        "seal": row.seal.hex(),
        "record": row.record.decode(),
    }
