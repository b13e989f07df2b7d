"""Everybody may read what the messages look like."""

import msgspec
import pytest
from jsonschema import Draft202012Validator

from onboarding_shared.contracts.catalogue import all_messages
from onboarding_shared.contracts.task_runner import RunFinished
from tests.integration.evidence_store.store_harness import StoreHarness
from tests.support.evidence_chains import result

LIST = "/onboarding/schemas"


async def test_the_list_names_every_message_and_leads_to_its_schema(calm: StoreHarness) -> None:
    client = calm.client({})
    listed = (await client.get(LIST)).json()["schemas"]
    assert [schema["type"] for schema in listed] == [message.event_type() for message in all_messages()]
    for schema in listed:
        answer = await client.get(schema["url"])
        assert answer.headers["content-type"].startswith("application/schema+json")
        assert answer.json()["$id"] == schema["dataschema"] == f"urn:onboarding:schema:{schema['type']}"
        Draft202012Validator.check_schema(answer.json())


async def test_a_message_fits_its_published_schema_and_another_does_not(calm: StoreHarness) -> None:
    schema = (await calm.client({}).get(f"{LIST}/{RunFinished.event_type()}")).json()
    validator = Draft202012Validator(schema)
    message = msgspec.json.decode(msgspec.json.encode(result(1)))
    assert validator.is_valid(message)
    assert not validator.is_valid({**message, "status": "fine"})


async def test_a_type_that_no_message_has_is_not_found(calm: StoreHarness) -> None:
    answer = await calm.reader().get(f"{LIST}/org.onboarding.Nothing.v1")
    assert (answer.status_code, answer.json()["code"]) == (404, "SCHEMA_NOT_FOUND")


@pytest.mark.parametrize("path", ["/health/live", "/schema", "/schema/openapi.json"])
async def test_health_and_description_need_no_token(calm: StoreHarness, path: str) -> None:
    assert (await calm.client({}).get(path)).status_code == 200


async def test_the_description_has_every_operation_with_its_parameters(calm: StoreHarness) -> None:
    paths = (await calm.client({}).get("/schema/openapi.json")).json()["paths"]
    assert set(paths) == {
        "/tenants/{tenant_id}/onboarding/evidence",
        "/tenants/{tenant_id}/onboarding/evidence/{evidence_id}",
        "/tenants/{tenant_id}/onboarding/evidence/verification",
        "/tenants/{tenant_id}/onboarding/evidence/records",
        "/onboarding/schemas",
        "/onboarding/schemas/{event_type}",
        "/onboarding/dead-letters",
        "/onboarding/dead-letters/groups",
        "/onboarding/dead-letters/groups/replay",
        "/onboarding/dead-letters/groups/discard",
        "/onboarding/dead-letters/{dead_letter_id}",
        "/onboarding/dead-letters/{dead_letter_id}/replay",
        "/onboarding/dead-letters/{dead_letter_id}/discard",
    }
    parameters = paths["/tenants/{tenant_id}/onboarding/evidence"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters if parameter["in"] == "query"} == {
        "taskType",
        "status",
        "reason_code",
        "session",
        "run",
        "since",
        "until",
        "limit",
        "cursor",
    }


async def test_it_is_not_ready_without_a_broker(calm: StoreHarness) -> None:
    answer = await calm.client({}).get("/health/ready")
    assert answer.status_code == 503
    checks = {check["name"]: check["status"] for check in answer.json()["checks"]}
    assert checks == {"database": "UP", "relay": "DOWN", "consumer": "DOWN", "identity": "UP"}
