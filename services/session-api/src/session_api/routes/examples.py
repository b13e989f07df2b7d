"""One example per operation, for the API page."""

from collections.abc import Mapping
from typing import Any

import msgspec

from onboarding_shared.contracts.reason_codes import REASONS
from onboarding_shared.messaging.dead_letter_examples import DEAD_LETTER_EXAMPLES
from onboarding_shared.web.openapi_page import OperationExample
from session_api.routes.report_example import REPORT

_SESSION: dict[str, Any] = {
    "id": 3,
    "tenant_id": 42,
    "provider_connection_id": 5,
    "status": "in_progress",
    "current_step": 2,
    "assigned_to_user_id": 7,
    "locked_by_user_id": 7,
    "locked_until": "2026-11-24T09:45:00Z",
}
_SUMMARY: dict[str, Any] = {
    "task_type": "license.inventory",
    "status": "ok",
    "reason_code": "LICENSE_P2",
    "message": "The tenant has 25 licences with Microsoft Entra ID P2.",
    "last_run_id": 17,
    "remediation": None,
    "expires_at": "2026-11-25T09:30:01Z",
    "provider_connection_id": 5,
    "step": 4,
    "title": "Licences",
    "description": "Reads the subscribed products of the tenant.",
    "required": True,
    "last_run_at": "2026-11-24T09:30:01Z",
    "active_run": None,
    "blocked_by": None,
    "unusable": False,
}
_TIMES: dict[str, Any] = {
    "created_at": "2026-11-24T09:00:00Z",
    "updated_at": "2026-11-24T09:30:00Z",
    "completed_at": None,
}
_DETAILS: dict[str, Any] = {**_SESSION, **_TIMES, "version": '"9f86d081884c7d659a2feaa0c55ad015"'}
_CUSTOMER: dict[str, Any] = {
    "tenant_id": 42,
    "display_name": "Contoso Bakeries",
    "external_tenant_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "session": {
        "id": 3,
        "status": "in_progress",
        "current_step": 3,
        "assigned_to_user_id": 7,
        "locked_by_user_id": 7,
        "locked_until": "2026-11-24T09:45:00Z",
        **_TIMES,
    },
    "counts": {"ok": 4, "warn": 1, "fail": 0, "unknown": 7},
    "active_runs": 1,
    "active_run": {
        "id": 18,
        "task_type": "app.consent",
        "title": "The application has the customer's consent",
        "state": "waiting",
        "attempt": 1,
        "reason_code": "CONSENT_MISSING",
        "message": "The customer's administrator has not consented yet.",
        "resume_at": "2026-11-24T09:35:00Z",
        "progress": None,
        "started_at": "2026-11-24T09:30:00Z",
    },
    "oldest_evidence_at": "2026-11-24T09:30:01Z",
    "next_expires_at": "2026-11-25T09:30:01Z",
}
_CUSTOMER_COUNTS = {
    "tenants": 230,
    "in_onboarding": 14,
    "waiting": 3,
    "need_attention": 6,
    "completed": 212,
    "ending_soon": 9,
}
_EXPIRY = {
    "tenant_id": 42,
    "display_name": "Contoso Bakeries",
    "task_type": "license.inventory",
    "title": "Licences",
    "expires_at": "2026-11-25T09:30:01Z",
    "status": "ok",
}
_WIZARD_STEP = {
    "step": 3,
    "title": "Consent",
    "description": "An administrator of the customer consents to the application's permissions.",
}
_RUN: dict[str, Any] = {
    "id": 17,
    "tenant_id": 42,
    "task_type": "license.inventory",
    "state": "succeeded",
    "attempt": 1,
    "progress": {"done": 2, "total": 2, "message": "Done"},
    "waiting": None,
    "result": {
        "status": "ok",
        "reason_code": "LICENSE_P2",
        "message": "Microsoft Entra ID P2 is licensed.",
        "remediation": None,
    },
    "onboarding_session_id": 3,
    "provider_connection_id": 5,
    "requested_by_user_id": 7,
    "cancel_requested_by_user_id": None,
    "retry_of_run_id": None,
    "inputs": None,
    "dry_run": False,
    "created_at": "2026-11-24T09:29:59Z",
    "started_at": "2026-11-24T09:30:00Z",
    "finished_at": "2026-11-24T09:30:01Z",
    "cancel_requested_at": None,
    "url": "/tenants/42/onboarding/runs/17",
}
_RUN_NOT_FOUND = {
    "code": "RUN_NOT_FOUND",
    "error": "The tenant has no run with this id",
    "next": "The tenant has no run with this id: list its runs.",
}
_UNUSABLE = {
    "distribution": "acme-onboarding-tasks",
    "task_types": ["acme.domains"],
    "problem": "Task 'acme.domains': ONBOARDING_TASK_ACME_URL is not set: give it, or ONBOARDING_TASK_ACME_URL_FILE",
}
_SERVICE: dict[str, Any] = {
    "service": "task-runner",
    "instance": "task-runner-1/7",
    "version": "1.0.0",
    "reachable": True,
    "ready": True,
    "checks": [{"name": "database", "status": "UP"}],
    "publishes": True,
    "outbox_messages": 0,
    "outbox_age_seconds": 0.0,
    "consumer_lag": [{"topic": "onboarding.task-commands.v1", "messages": 0}],
    "dead_letters": 0,
    "leases": 3,
    "worker_slots": 256,
    "queue_runs": 0,
    "queue_age_seconds": 0.0,
    "started_at": "2026-11-24T09:00:00Z",
    "error": None,
}
_CANCELLING: dict[str, Any] = {
    **_RUN,
    "state": "cancelling",
    "result": None,
    "cancel_requested_by_user_id": 7,
    "finished_at": None,
    "cancel_requested_at": "2026-11-24T09:30:01Z",
}
_WAITING: dict[str, Any] = {
    **_RUN,
    "task_type": "app.consent",
    "state": "waiting",
    "waiting": {
        "reason_code": "CONSENT_MISSING",
        "message": "The customer's administrator has not consented yet.",
        "resume_at": "2026-11-24T09:35:00Z",
    },
    "result": None,
    "finished_at": None,
}
_NEW_CONNECTION: dict[str, Any] = {
    "provider": "microsoft_graph",
    "display_name": "Contoso",
    "external_tenant_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "client_id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
    "credential_ref": "graph-main",
    "cloud": "public",
}
_CONNECTION: dict[str, Any] = {
    "id": 5,
    "tenant_id": 42,
    **_NEW_CONNECTION,
    "enabled": True,
    "created_at": "2026-11-24T09:00:00Z",
    "created_by_user_id": 7,
    "disabled_at": None,
    "disabled_by_user_id": None,
}
_DISABLED: dict[str, Any] = {
    **_CONNECTION,
    "enabled": False,
    "disabled_at": "2026-11-24T10:00:00Z",
    "disabled_by_user_id": 7,
}
_CONSENT_REQUEST: dict[str, Any] = {
    "id": 12,
    "tenant_id": 42,
    "provider_connection_id": 5,
    "onboarding_session_id": 3,
    "state": "open",
    "url": "https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0/adminconsent"
    "?client_id=6fa459ea-ee8a-4ca4-894e-db77e160355e&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    "&redirect_uri=https%3A%2F%2Fonboarding.example.com%2Fonboarding%2Fconsent%2Fcallback"
    "&state=v3Jx0gJfH1xw2b8mYqTnM4cKz7rLsDpA9eUoWiXyZ0k",
    "created_at": "2026-11-24T09:30:00Z",
    "created_by_user_id": 7,
    "expires_at": "2026-11-25T09:30:00Z",
    "answered_at": None,
    "reported_at": None,
    "verified_at": None,
    "run_id": None,
}
_CONSENT_REPORTED: dict[str, Any] = {
    **_CONSENT_REQUEST,
    "state": "reported",
    "url": None,
    "answered_at": "2026-11-24T09:35:00Z",
    "reported_at": "2026-11-24T09:35:00Z",
    "run_id": 17,
}
_NEW_BINDING: dict[str, Any] = {
    "tenant_id": 42,
    "client_id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
    "credential": "graph-main",
}
_BINDING: dict[str, Any] = {
    **_NEW_BINDING,
    "external_tenant_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "cloud": "public",
    "set_at": "2026-11-24T09:00:00Z",
    "set_by_user_id": 1,
}
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
_LINK = {"run_id": 17, "url": "/tenants/42/onboarding/runs/17", "outcome": "created"}
_START: dict[str, Any] = {
    "provider_connection_id": 5,
    "validate_only": False,
    "inputs": {"group": "Helpdesk", "days": 30},
    "dry_run": False,
}
_STARTED: dict[str, Any] = {
    "task_type": "license.inventory",
    "outcome": "started",
    "run_id": 17,
    "url": "/tenants/42/onboarding/runs/17",
    "code": None,
    "message": None,
    "next": None,
    "blocking_run": None,
}
_TASK_TYPE: dict[str, Any] = {
    "name": "license.inventory",
    "title": "Licences",
    "description": "Reads the subscribed products of the tenant.",
    "step": 3,
    "scope": "connection",
    "mode": "shared",
    "required": True,
    "permissions": ["Organization.Read.All"],
    "licence": None,
    "time_limit_seconds": 60.0,
    "max_attempts": 3,
    "fresh_seconds": 86400.0,
    "wait_limit_seconds": 3600.0,
    "distribution": "onboarding-task-runner",
    "version": "0.1.0",
    "inputs_schema": None,
    "supports_dry_run": False,
    "inputs_from": {},
    "unusable": False,
    "reasons": [],
}
_CHANGE = {
    "at": "2026-11-24T09:31:00Z",
    "by_user_id": 7,
    "action": "step_changed",
    "from": {"current_step": 1},
    "to": {"current_step": 2},
}
_STEP = {"step": 3, "counts": {"ok": 1, "unknown": 0}, "can_be_left": True, "missing": [_SUMMARY]}
_SIGN_IN = {
    "enabled": True,
    "authority": "https://keycloak.example/realms/msp",
    "client_id": "onboarding-web",
    "authorization_endpoint": "https://keycloak.example/realms/msp/protocol/openid-connect/auth",
    "token_endpoint": "https://keycloak.example/realms/msp/protocol/openid-connect/token",
    "end_session_endpoint": "https://keycloak.example/realms/msp/protocol/openid-connect/logout",
    "scopes": ["openid", "profile"],
}
_ME = {
    "user_id": 7,
    "display_name": "Ada Berger",
    "all_tenants": True,
    "tenants": [{"tenant_id": 42, "permissions": ["onboarding.read", "onboarding.run"]}],
    "permissions": ["onboarding.read"],
    "operates_platform": False,
    "expires_at": "2026-11-24T21:30:00Z",
}

_EVENTS = """: heartbeat
id: AQEFAQMBAQEH

id: AQEGAQMBAQEH
event: lock
data: {"type":"lock","tenant_id":42,"time":"2026-11-24T09:30:00.000000Z","sequence":2,"subject":"sessions/3",…}

"""

EXAMPLES: Mapping[str, OperationExample] = {
    **DEAD_LETTER_EXAMPLES,
    "getSession": OperationExample({"session": _SESSION}),
    "openSession": OperationExample(_SESSION),
    "updateSession": OperationExample(_SESSION, {"current_step": 2, "assigned_to_user_id": 7, "takeover": False}),
    "completeSession": OperationExample({**_SESSION, "status": "completed", "current_step": 5}),
    "abandonSession": OperationExample({**_SESSION, "status": "abandoned"}, {"reason": "The contract was cancelled."}),
    "releaseSession": OperationExample({**_SESSION, "locked_by_user_id": None, "locked_until": None}),
    "getSessionById": OperationExample(_DETAILS),
    "listSessions": OperationExample([_DETAILS]),
    "listCustomers": OperationExample([_CUSTOMER]),
    "countCustomers": OperationExample(_CUSTOMER_COUNTS),
    "exportCustomers": OperationExample("tenant_id,display_name\r\n42,Contoso Bakeries\r\n"),
    "listExpiries": OperationExample([_EXPIRY]),
    "getTenantName": OperationExample({"display_name": "Contoso Bakeries"}),
    "setTenantName": OperationExample({"display_name": "Contoso Bakeries"}, {"display_name": "Contoso Bakeries"}),
    "listAllRuns": OperationExample([_RUN]),
    "cancelRuns": OperationExample(
        [
            {"tenant_id": 42, "run_id": 17, "state": "cancelling", "error": None},
            {"tenant_id": 43, "run_id": 18, "state": None, "error": _RUN_NOT_FOUND},
        ],
        {"runs": [{"tenant_id": 42, "run_id": 17}, {"tenant_id": 43, "run_id": 18}]},
    ),
    "retryRuns": OperationExample(
        [{"tenant_id": 42, "run_id": 17, "new_run_id": 19, "error": None}],
        {"runs": [{"tenant_id": 42, "run_id": 17}]},
    ),
    "listServices": OperationExample([_SERVICE]),
    "listUnusableTasks": OperationExample([_UNUSABLE]),
    "listWizardSteps": OperationExample([_WIZARD_STEP]),
    "listSessionHistory": OperationExample([_CHANGE]),
    "getSessionReport": OperationExample(REPORT),
    "listTaskTypes": OperationExample([_TASK_TYPE]),
    "listReasonCodes": OperationExample([msgspec.to_builtins(REASONS["TIME_LIMIT_EXCEEDED"])]),
    "listTasks": OperationExample([_SUMMARY]),
    "startRun": OperationExample(_LINK, _START),
    "retryRun": OperationExample(_LINK),
    "listSteps": OperationExample([_STEP]),
    "startStep": OperationExample([_STARTED], {"provider_connection_id": 5, "include_optional": False}),
    "getRun": OperationExample(_RUN),
    "listRuns": OperationExample([_RUN]),
    "cancelRun": OperationExample(_CANCELLING),
    "resumeRun": OperationExample(_WAITING),
    "createConnection": OperationExample(_CONNECTION, _NEW_CONNECTION),
    "listConnections": OperationExample([_CONNECTION]),
    "getConnection": OperationExample(_CONNECTION),
    "disableConnection": OperationExample(_DISABLED),
    "listTenantBindings": OperationExample([_BINDING]),
    "setTenantBinding": OperationExample(_BINDING, _NEW_BINDING),
    "removeTenantBinding": OperationExample({"removed": True}),
    "createConsentRequest": OperationExample(_CONSENT_REQUEST, {"provider_connection_id": 5}),
    "listConsentRequests": OperationExample([_CONSENT_REPORTED]),
    "getConsentRequest": OperationExample(_CONSENT_REPORTED),
    "getMe": OperationExample(_ME),
    "getSignIn": OperationExample(_SIGN_IN),
    "listUsers": OperationExample([{"user_id": 7, "display_name": "Ada Berger"}]),
    "streamTenantEvents": OperationExample(_EVENTS),
    "streamEvents": OperationExample(_EVENTS),
    "listEvidence": OperationExample([_EVIDENCE]),
    "verifyEvidence": OperationExample({"verified": True, "length": 2, "head": "9f86d081" * 8, "break": None}),
    "getEvidence": OperationExample({**_EVIDENCE, "record": '{"id":205,"tenant_id":42}'}),
}
