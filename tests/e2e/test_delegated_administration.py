"""An invitation is sent, approved and checked without anybody naming its id."""

import pytest

from onboarding_devstack.cli.demo.ways import CustomerAdministrator
from tests.support.caller import Caller
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

CHECKS = ("gdap.relationship", "gdap.roles", "gdap.group_mapping")


async def link_of(caller: Caller, run_id: int) -> str:
    waiting = (await caller.run(run_id))["waiting"] or {}
    return str(waiting.get("message", "")).rpartition(" ")[2]


async def test_later_tasks_follow_the_sent_invitation(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect(relationships=[])
        await caller.post("/session")
        invitation = await caller.start("gdap.invite")
        await eventually(lambda: caller.state(invitation), equals="waiting")
        link = await link_of(caller, invitation)
        await CustomerAdministrator(system.journal["graph"]).approve_invitation(link, caller.external_tenant)
        await caller.post(f"/runs/{invitation}/resume")
        await caller.ended(invitation)
        offered = {"relationship_id": link.rpartition("/")[2]}
        mapping = await caller.ended(await caller.start("gdap.map_groups"))
        checks = [await caller.ended(await caller.start(name)) for name in CHECKS]

        assert (mapping["inputs"], mapping["result"]["reason_code"]) == (offered, "MAPPING_OK")
        assert [(check["inputs"], check["result"]["reason_code"]) for check in checks] == [
            (offered, "GDAP_RECENTLY_ACTIVATED"),
            (offered, "GDAP_OPTIONAL_ROLES_MISSING"),
            (offered, "MAPPING_OK"),
        ]
