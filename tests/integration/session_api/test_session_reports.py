"""The report of a session over HTTP: which runs count, what evidence-store says of them, and its four forms."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from evidence_store.commands.verification import verify
from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.task_runner import DeclaredReason, RunFinished, TaskTypesAnnounced
from onboarding_shared.contracts.types import CheckStatus, RunState
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.sealing_store import SealingStore
from tests.integration.session_api.service import CATALOGUE, TENANT, Api, declaration, make_settings

SESSION = f"/tenants/{TENANT}/onboarding/session"


@pytest.fixture
async def store() -> AsyncIterator[SealingStore]:
    made = SealingStore()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def api(settings: SessionApiSettings, identity: Identity, store: SealingStore) -> AsyncIterator[Api]:
    pointed = make_settings(settings.database.url, identity, evidence_store_url=store.url)
    made = Api(build(pointed), pointed, identity)
    await made.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    yield made
    await made.close()


class Onboarding:
    """A tenant with a session, whose runs end and are sealed."""

    def __init__(self, api: Api, store: SealingStore, session_id: int) -> None:
        self.api = api
        self.store = store
        self.session_id = session_id
        self.results: list[RunFinished] = []

    async def check(self, task_type: str, status: str = "ok", **more: Any) -> int:
        """Run a task to its end; its result is sealed."""
        run_id = int((await self.api.start(task_type, more or None)).json()["run_id"])
        result = RunFinished(
            tenant_id=TENANT,
            run_id=run_id,
            task_type=task_type,
            attempt=1,
            state=RunState.SUCCEEDED,
            session_id=self.session_id,
            status=CheckStatus(status),
            reason_code="DONE",
            message=f"{task_type} is {status}",
            finished_at=datetime.now(UTC),
        )
        await self.api.consume(result)
        self.results.append(result)
        self.store.seal(self.results, datetime.now(UTC))
        return run_id

    async def get(self, **options: Any) -> Any:
        return await self.api.caller().get(f"{SESSION}/{self.session_id}/report", **options)

    async def report(self) -> dict[str, Any]:
        answer = await self.get()
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def verdicts(self) -> dict[str, str]:
        """The verdict of each task, or why it was not checked."""
        report = await self.report()
        gaps = {gap["task_type"]: gap["reason_code"] for gap in report["not_checked"]}
        return {**{finding["task_type"]: finding["status"] for finding in report["findings"]}, **gaps}


@pytest.fixture
async def onboarding(api: Api, store: SealingStore) -> Onboarding:
    await api.connection("Contoso")
    return Onboarding(api, store, (await api.session())["id"])


async def test_a_finding_has_the_words_of_its_package(api: Api, onboarding: Onboarding) -> None:
    done = DeclaredReason(code="DONE", meaning="All is done.", remediation="Rest a while.", link="https://example.com")
    declared = declaration("app.optional", step=2, required=False, reasons=(done,))
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(declared,)))
    await onboarding.check("app.optional")
    (finding,) = (await onboarding.report())["findings"]

    words = (finding["meaning"], finding["remediation"], finding["link"])
    assert words == ("All is done.", "Rest a while.", "https://example.com")


async def test_findings_and_gaps_are_in_the_order_of_steps(onboarding: Onboarding) -> None:
    await onboarding.check("license.inventory", "warn")
    await onboarding.check("graph.connectivity")
    report = await onboarding.report()

    assert [(finding["task_type"], finding["status"]) for finding in report["findings"]] == [
        ("graph.connectivity", "ok"),
        ("license.inventory", "warn"),
    ]
    assert report["counts"] == {"ok": 1, "warn": 1, "fail": 0, "unknown": 0, "not_checked": 6}
    assert {gap["reason_code"] for gap in report["not_checked"]} == {"NEVER_RUN"}
    assert report["customer"]["display_name"] == "Contoso"
    assert report["session"]["closed_at"] is None


async def test_the_name_that_was_set_names_the_customer(onboarding: Onboarding) -> None:
    path = f"/tenants/{TENANT}/onboarding/name"
    assert (await onboarding.api.caller().put(path, json={"display_name": "Contoso Ltd"})).status_code == 200

    assert (await onboarding.report())["customer"]["display_name"] == "Contoso Ltd"


async def test_the_json_is_verified_by_the_offline_command(onboarding: Onboarding) -> None:
    await onboarding.check("license.inventory", "fail")
    await onboarding.check("app.consent")
    content = (await onboarding.get()).content

    assert verify(content, []).faults == []
    changed = content.replace(b'"status":"fail"', b'"status":"ok"')
    assert changed != content
    assert len(verify(changed, []).faults) == 1


async def test_the_latest_run_counts_and_dry_runs_do_not(onboarding: Onboarding) -> None:
    await onboarding.check("license.inventory", "fail")
    await onboarding.check("license.inventory", "ok")

    assert (await onboarding.verdicts())["license.inventory"] == "ok"


async def test_a_closed_session_is_reported_as_it_ended(onboarding: Onboarding) -> None:
    await onboarding.check("license.inventory", "ok")
    closed = await onboarding.api.caller().post(f"{SESSION}/{onboarding.session_id}/abandon")
    assert closed.status_code == 200
    await onboarding.check("license.inventory", "fail")
    report = await onboarding.report()

    assert [finding["status"] for finding in report["findings"]] == ["ok"]
    assert report["session"]["closed_at"] == report["as_of"] < report["generated_at"]


async def test_missing_evidence_is_said(onboarding: Onboarding) -> None:
    await onboarding.check("license.inventory", "ok")
    onboarding.store.rows = []
    report = await onboarding.report()

    (gap,) = [gap for gap in report["not_checked"] if gap["task_type"] == "license.inventory"]
    assert gap["reason_code"] == "EVIDENCE_MISSING"
    assert report["records"] == []
    assert gap["message"] in (await onboarding.get(params={"format": "html"})).text


async def test_edited_evidence_is_no_verdict(onboarding: Onboarding) -> None:
    await onboarding.check("license.inventory", "fail")
    (row,) = onboarding.store.rows
    onboarding.store.rows = [row._replace(record=row.record.replace(b'"fail"', b'"okay"'))]

    assert (await onboarding.verdicts())["license.inventory"] == "EVIDENCE_ALTERED"


async def test_a_broken_chain_is_reported(onboarding: Onboarding) -> None:
    broken = {"position": 1, "evidence_id": None, "kind": "tail_cut", "detail": "Records are missing."}
    onboarding.store.verification = {"verified": False, "length": 0, "head": "0" * 64, "break": broken}

    assert (await onboarding.report())["chain"] == onboarding.store.verification


async def test_a_chain_that_cannot_be_verified_is_unknown(onboarding: Onboarding) -> None:
    onboarding.store.verification = None

    assert (await onboarding.report())["chain"] == {"verified": None, "length": None, "head": None, "break": None}


async def test_records_that_come_in_parts_are_all_read(onboarding: Onboarding) -> None:
    for task_type in ("license.inventory", "app.consent", "identity.baseline"):
        await onboarding.check(task_type)
    onboarding.store.most = 1

    assert len((await onboarding.report())["records"]) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 500])
async def test_without_evidence_there_is_no_report(onboarding: Onboarding, status: int) -> None:
    await onboarding.check("license.inventory")
    onboarding.store.status = status
    answer = await onboarding.get()

    assert (answer.status_code, answer.json()["code"]) == (503, "EVIDENCE_STORE_UNAVAILABLE")


async def test_evidence_is_read_with_the_callers_token(onboarding: Onboarding) -> None:
    await onboarding.check("license.inventory")
    caller = onboarding.api.caller()
    await caller.get(f"{SESSION}/{onboarding.session_id}/report", headers={"x-request-id": "mine"})

    assert onboarding.store.asked
    for asked in onboarding.store.asked:
        assert f"authorization: {caller.headers['authorization']}" in asked
        assert "x-request-id: mine" in asked


async def test_a_caller_waits_for_five_reports_at_most(onboarding: Onboarding) -> None:
    answers = await asyncio.gather(*(onboarding.get() for _ in range(8)))
    refused = [answer for answer in answers if answer.status_code != 200]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(429, "TOO_MANY_REPORTS")] * 3
    assert {answer.headers["retry-after"] for answer in refused} == {"5"}


async def test_a_session_of_nobody_is_not_found(onboarding: Onboarding) -> None:
    answer = await onboarding.api.caller().get(f"{SESSION}/{onboarding.session_id + 1}/report")

    assert (answer.status_code, answer.json()["code"]) == (404, "SESSION_NOT_FOUND")


@pytest.mark.parametrize(
    ("options", "media_type"),
    [
        ({}, "application/json"),
        ({"headers": {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}}, "text/html"),
        ({"headers": {"Accept": "text/csv"}}, "text/csv"),
        ({"headers": {"Accept": "application/oscal+json"}}, "application/oscal+json"),
        ({"headers": {"Accept": "image/png"}}, "application/json"),
        ({"params": {"format": "html"}, "headers": {"Accept": "application/json"}}, "text/html"),
        ({"params": {"format": "csv"}}, "text/csv"),
        ({"params": {"format": "oscal"}}, "application/oscal+json"),
        ({"params": {"format": "json"}, "headers": {"Accept": "text/html"}}, "application/json"),
    ],
)
async def test_parameter_or_accept_decide_the_form(
    onboarding: Onboarding, options: dict[str, Any], media_type: str
) -> None:
    answer = await onboarding.get(**options)

    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == media_type
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize("form", ["pdf", "null", ""])
async def test_another_form_is_refused(onboarding: Onboarding, form: str) -> None:
    answer = await onboarding.get(params={"format": form})

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETER")


async def test_the_page_has_a_strict_policy(onboarding: Onboarding) -> None:
    policy = (await onboarding.get(params={"format": "html"})).headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


async def test_each_form_says_the_same(onboarding: Onboarding) -> None:
    await onboarding.check("license.inventory", "fail")
    table = list(csv.DictReader(io.StringIO((await onboarding.get(params={"format": "csv"})).text, newline="")))
    oscal = (await onboarding.get(params={"format": "oscal"})).json()["assessment-results"]["results"][0]
    page = (await onboarding.get(params={"format": "html"})).text

    assert [row["status"] for row in table] == ["fail", *["not_checked"] * 7]
    assert oscal["findings"][0]["target"]["status"]["state"] == "not-satisfied"
    assert "license.inventory is fail" in page
