"""The example of a report, for the API page."""

from typing import Any

from onboarding_shared.contracts.reason_codes import REASONS

REPORT: dict[str, Any] = {
    "format": 1,
    "tenant_id": 42,
    "generated_at": "2026-11-24T10:00:00Z",
    "as_of": "2026-11-24T09:50:00Z",
    "customer": {
        "tenant_id": 42,
        "display_name": "Contoso",
        "external_tenant_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "cloud": "public",
    },
    "session": {
        "id": 3,
        "status": "completed",
        "current_step": 5,
        "provider_connection_id": 5,
        "created_at": "2026-11-24T09:00:00Z",
        "closed_at": "2026-11-24T09:50:00Z",
    },
    "counts": {"ok": 1, "warn": 0, "fail": 0, "unknown": 0, "not_checked": 1},
    "findings": [
        {
            "task_type": "license.inventory",
            "title": "Licences",
            "description": "Reads the subscribed products of the tenant.",
            "step": 3,
            "required": True,
            "status": "ok",
            "reason_code": "LICENSE_P2",
            "meaning": REASONS["LICENSE_P2"].meaning,
            "message": "The tenant has 25 licences with Microsoft Entra ID P2.",
            "remediation": REASONS["LICENSE_P2"].remediation,
            "link": REASONS["LICENSE_P2"].link,
            "run_id": 17,
            "evidence_id": 205,
            "position": 1,
            "seal": "9f86d081" * 8,
            "collected_at": "2026-11-24T09:30:01Z",
            "recorded_at": "2026-11-24T09:30:02Z",
            "expires_at": "2026-11-25T09:30:01Z",
        }
    ],
    "not_checked": [
        {
            "task_type": "identity.global_admins",
            "title": "Global Administrators",
            "description": "Counts the Global Administrators of the tenant.",
            "step": 5,
            "required": False,
            "reason_code": "NEVER_RUN",
            "message": "This task has not been run yet.",
            "remediation": REASONS["NEVER_RUN"].remediation,
            "last_run_id": None,
        }
    ],
    "chain": {"verified": True, "length": 1, "head": "9f86d081" * 8, "break": None},
    "records": [
        {
            "position": 1,
            "previous_seal": "0" * 64,
            "seal": "9f86d081" * 8,
            "record": '{"id":205,"tenant_id":42}',
        }
    ],
}
