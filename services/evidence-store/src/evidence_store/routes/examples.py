"""One example per operation, for the API page."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.messaging.dead_letter_examples import DEAD_LETTER_EXAMPLES
from onboarding_shared.web.openapi_page import OperationExample

_EVIDENCE: dict[str, Any] = {
    "id": 205,
    "tenant_id": 42,
    "onboarding_session_id": 3,
    "provider_connection_id": 5,
    "task_type": "license.inventory",
    "status": "ok",
    "reason_code": "LICENSE_P2",
    "message": "The tenant has 25 licences with Microsoft Entra ID P2.",
    "payload": {"seats": 25},
    "operation_run_id": 17,
    "recorded_at": "2026-11-24T09:30:02.000000Z",
    "run_state": "succeeded",
    "attempt": 1,
    "started_at": "2026-11-24T09:30:00.000000Z",
    "finished_at": "2026-11-24T09:30:01.000000Z",
    "position": 1,
    "previous_seal": "0" * 64,
    "seal": "9f86d081" * 8,
}
_EVENT = "onboarding.evidence.recorded.v1"

EXAMPLES: Mapping[str, OperationExample] = {
    **DEAD_LETTER_EXAMPLES,
    "listEvidence": OperationExample([_EVIDENCE]),
    "listSealedRecords": OperationExample(
        [
            {
                "id": 205,
                "position": 1,
                "operation_run_id": 17,
                "previous_seal": "0" * 64,
                "seal": "9f86d081" * 8,
                "record": '{"id":205,"tenant_id":42}',
            }
        ]
    ),
    "getEvidence": OperationExample({**_EVIDENCE, "record": '{"id":205,"tenant_id":42}'}),
    "verifyEvidence": OperationExample({"verified": True, "length": 2, "head": "9f86d081" * 8, "break": None}),
    "listSchemas": OperationExample(
        {
            "schemas": [
                {
                    "type": _EVENT,
                    "dataschema": f"https://example.invalid/{_EVENT}",
                    "topic": "onboarding.evidence",
                    "url": f"/onboarding/schemas/{_EVENT}",
                }
            ]
        }
    ),
    "getSchema": OperationExample({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}),
}
