"""A customer that never consented is onboarded by link: from the page at the emulator to the verified request."""

from urllib.parse import parse_qs, urlsplit

import pytest

from onboarding_devstack.cli.demo.ways import CustomerAdministrator
from tests.support.caller import Caller
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


async def state_of(caller: Caller, request_id: int) -> str:
    return str((await caller.get(f"/consent-requests/{request_id}")).json()["state"])


async def test_an_accepted_link_turns_the_check_ok_within_ten_seconds(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect(consented=[])
        waiting = await caller.start("app.consent")
        await eventually(lambda: caller.state(waiting), equals="waiting")
        request = (await caller.post("/consent-requests")).json()
        status = await CustomerAdministrator(system.journal["graph"]).accept_consent(request["url"])
        run = await caller.ended(waiting, seconds=10)

        assert (status, request["state"]) == (200, "open")
        assert (run["state"], run["result"]["status"], run["result"]["reason_code"]) == (
            "succeeded",
            "ok",
            "CONSENT_OK",
        )
        await eventually(lambda: state_of(caller, request["id"]), equals="verified")


async def test_a_declined_link_changes_nothing_and_may_still_be_accepted(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect(consented=[])
        request = (await caller.post("/consent-requests")).json()
        secret = parse_qs(urlsplit(request["url"]).query)["state"][0]
        declined = {"error": "consent_required", "admin_consent": "True", "state": secret}
        answer = await caller.http.get("/onboarding/consent/callback", params=declined)
        state = await state_of(caller, request["id"])
        await CustomerAdministrator(system.journal["graph"]).accept_consent(request["url"])

        assert (answer.status_code, state) == (200, "declined")
        await eventually(lambda: state_of(caller, request["id"]), equals="verified")


@pytest.mark.parametrize("secret", ["", "forged", "x" * 300])
async def test_a_forged_state_is_refused(system: System, secret: str) -> None:
    async with system.caller() as caller:
        params = {"admin_consent": "True", "tenant": caller.external_tenant, "state": secret}
        answer = await caller.http.get("/onboarding/consent/callback", params=params)

        assert answer.status_code == 400
