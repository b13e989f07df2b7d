"""The provenance and the validity of every payload."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import Mode, Scope
from task_runner.providers.record import RecordedResponse, ResponseRecord
from task_runner.tasks.provenance import payload_hash, with_provenance

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def declaration(fresh_seconds: float = 3600.0) -> TaskTypeDeclaration:
    return TaskTypeDeclaration(
        name="area.what",
        title="A",
        step=1,
        scope=Scope.TENANT,
        mode=Mode.SHARED,
        time_limit_seconds=9.0,
        fresh_seconds=fresh_seconds,
        version="3",
    )


def evidence(payload: dict[str, Any], record: ResponseRecord | None = None, fresh_seconds: float = 3600.0) -> Any:
    context: Any = SimpleNamespace(
        connection=SimpleNamespace(external_tenant_id="t-1"),
        record=record,
        dry_run=False,
    )
    return with_provenance(payload, declaration(fresh_seconds), context, lambda: NOON)


def read(record: ResponseRecord, **replaced: Any) -> None:
    seen = {
        "external_tenant_id": "t-1",
        "method": "GET",
        "url": "https://graph.example/v1.0/organization",
        "status": 200,
        "permission": "Organization.Read.All",
        "request_id": "r-1",
        "elapsed_ms": 12,
        "body_sha256": "ab" * 32,
    }
    record.add(RecordedResponse(**{**seen, **replaced}), size=700)


def test_evidence_is_valid_from_its_first_response() -> None:
    moments = iter([datetime(2026, 11, 24, 11, 0, 0, tzinfo=UTC), datetime(2026, 11, 24, 11, 0, 9, tzinfo=UTC)])
    record = ResponseRecord(now=lambda: next(moments))
    read(record)
    read(record)

    provenance = evidence({"a": 1}, record)["provenance"]

    assert (provenance["collected_at"], provenance["expires_at"]) == ("2026-11-24T11:00:00Z", "2026-11-24T12:00:00Z")


def test_evidence_is_valid_from_its_earliest_response() -> None:
    record = ResponseRecord(now=lambda: NOON)
    read(record)
    read(record, collected_at=datetime(2026, 11, 24, 11, 59, 30, tzinfo=UTC), shared=True)

    provenance = evidence({"a": 1}, record)["provenance"]

    assert (provenance["collected_at"], provenance["expires_at"]) == ("2026-11-24T11:59:30Z", "2026-11-24T12:59:30Z")


def test_evidence_of_nothing_that_was_read_counts_from_now() -> None:
    provenance = evidence({"a": 1})["provenance"]

    assert (provenance["collected_at"], provenance["expires_at"]) == ("2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z")


def test_evidence_without_expiry_expires_at_the_maximum_time() -> None:
    assert evidence({}, fresh_seconds=1e300)["provenance"]["expires_at"].startswith("9999-12-31")


def test_every_response_names_its_source_and_permission() -> None:
    record = ResponseRecord(now=lambda: NOON)
    read(record)
    read(record, permission=None, request_id=None, status=403)

    provenance = evidence({"a": 1}, record)["provenance"]

    assert (provenance["api_version"], provenance["response_count"]) == ("v1.0", 2)
    assert (provenance["checker"], provenance["checker_version"]) == ("area.what", "3")
    assert provenance["responses"] == [
        {
            "external_tenant_id": "t-1",
            "method": "GET",
            "url": "https://graph.example/v1.0/organization",
            "api_version": "v1.0",
            "status": 200,
            "permission": "Organization.Read.All",
            "request_id": "r-1",
            "collected_at": "2026-11-24T12:00:00Z",
            "elapsed_ms": 12,
            "body_sha256": "ab" * 32,
            "shared": False,
        },
        {**provenance["responses"][0], "permission": None, "request_id": None, "status": 403},
    ]


def test_the_hash_is_that_of_the_stored_payload() -> None:
    kept = evidence({"rows": ["x" * 100] * 9000, "password": "hunter2"})

    own = {name: value for name, value in kept.items() if name != "provenance"}
    assert kept["provenance"]["payload_sha256"] == payload_hash(own)
    assert kept["truncated"]["cuts"][0]["at"] == "rows"
    assert kept["password"] == "[redacted]"


def test_a_payload_with_provenance_has_256_kibibytes_at_most() -> None:
    record = ResponseRecord(now=lambda: NOON)
    for number in range(80):
        read(record, url=f"https://graph.example/v1.0/users?$skiptoken={number}" + "x" * 9000, request_id="r" * 9000)

    kept = evidence({"rows": ["x" * 100] * 9000}, record)

    assert 200 * 1024 < len(msgspec.json.encode(kept)) <= 256 * 1024
    assert (kept["provenance"]["response_count"], len(kept["provenance"]["responses"])) == (80, 50)


def test_a_task_cannot_put_its_own_provenance_in_place() -> None:
    assert evidence({"provenance": {"checker": "me"}})["provenance"]["checker"] == "area.what"
