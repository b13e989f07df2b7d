"""Technicians onboard customers in the web application, in a real browser against the whole system."""

import pytest
from playwright.async_api import Browser, expect

from onboarding_devstack.identity import PERMISSIONS
from onboarding_devstack.tenant_bindings import binding_of
from tests.support import browser
from tests.support.caller import CLIENT_ID, CREDENTIAL, Caller
from tests.support.system import System
from tests.support.windows import Window, window

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(browser.unusable() is not None, reason=f"no Chromium: {browser.unusable()}"),
]


CUSTOMERS = """
WITH customers AS (
    INSERT INTO tenant_guards (tenant_id) SELECT generate_series($1::bigint, $2::bigint) RETURNING tenant_id
)
INSERT INTO provider_connections (tenant_id, creation_key, provider, display_name, external_tenant_id, client_id,
    credential_ref, cloud, created_by_user_id)
SELECT tenant_id, gen_random_uuid(), 'microsoft_graph', 'Northwind ' || tenant_id - $1::bigint, gen_random_uuid()::text,
    gen_random_uuid()::text, 'partner', 'public', 7 FROM customers
"""
"""Rows of many customers, which would take a minute over HTTP."""


DEAD_LETTER = """
INSERT INTO dead_letters (source_topic, partition, record_offset, fingerprint, reason_code, detail, value, headers)
VALUES ($1, 0, 1, sha256('planted'), 'MALFORMED', 'planted', 'x', '[]')
"""

RENEWABLE = """() => {
    const kept = JSON.parse(sessionStorage.getItem("onboarding.token"));
    const renewable = { ...kept, renewal: "right to renew", until: Date.now() + 120_000 };
    sessionStorage.setItem("onboarding.token", JSON.stringify(renewable));
}"""
"""Makes the token of the page one that is renewed a minute later."""


async def new_customer(system: System, caller: Caller) -> None:
    """A customer that has consented to nothing, to which the operator has bound the tenant."""
    await system.bind(binding_of(caller.tenant, caller.external_tenant, CLIENT_ID, CREDENTIAL))
    await caller.register()
    await caller.behave("healthy", consented=[])


async def connect(view: Window, caller: Caller) -> None:
    await view.press("button", "Create a connection")
    await view.fill("Name", "Contoso production")
    await view.fill("Tenant id at Microsoft (GUID)", caller.external_tenant)
    await view.fill("Client id of the application (GUID)", CLIENT_ID)
    await view.fill("Name of the credential at task-runner", CREDENTIAL)
    await view.press("button", "Create")
    await view.press("button", "Choose Contoso production")
    await view.sees("✓ chosen")


async def consent(chromium: Browser, url: str) -> None:
    """The customer's administrator opens the link in a browser of their own, and accepts."""
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_role("button", name="Accept", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Thank you")
    await context.close()


async def test_a_customer_is_onboarded_with_the_keyboard_alone(system: System, chromium: Browser) -> None:
    async with (
        system.caller() as caller,
        window(chromium, system, tenants=[caller.tenant]) as view,
    ):
        await new_customer(system, caller)
        await view.open()
        await view.press("button", "Start an onboarding")
        await view.fill("Tenant id of the customer", str(caller.tenant))
        await view.press("button", "Open")
        await view.press("button", "Start the onboarding")
        await view.sees("You edit this onboarding until")
        await connect(view, caller)
        await view.press("button", "Go to step 2")
        # Another package of this system requires a check of step 2, which can only read with the consent.
        await caller.behave("healthy")
        await view.press("button", "Start all checks of step 2")
        await view.press("button", "Go to step 3")
        await caller.behave("healthy", consented=[])
        await view.press("button", "Start all checks of step 3")
        await view.sees("Waiting")
        await view.press("button", "Make a consent link")
        link = view.page.locator(".copyable code")
        await consent(chromium, await link.inner_text())
        await view.press("button", "Go to step 4")
        await view.press("button", "Start all checks of step 4")
        await view.press("button", "Go to step 5")
        await view.press("button", "Start all checks of step 5")
        await view.press("button", "Complete")
        await view.sees("This onboarding is completed")

        verification = (await caller.get("/evidence/verification")).json()
        assert ((await caller.get("/session")).json()["session"], verification["verified"]) == (None, True)


async def test_a_later_step_says_what_opens_it(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await caller.connect()
        await caller.post("/session")
        await view.open(f"customers/{caller.tenant}")
        await view.page.get_by_role("button", name="Consent").click()
        await view.sees("This step is not open yet.")
        start = view.page.get_by_role("button", name="Start all checks of step 3", exact=True)
        await expect(start).to_have_attribute("aria-disabled", "true")
        await start.click(force=True)

        assert (await caller.get("/runs")).json() == []


async def test_a_technician_takes_over_and_the_other_sees_it(system: System, chromium: Browser) -> None:
    async with (
        system.caller() as caller,
        window(chromium, system, tenants=[caller.tenant]) as first,
        window(chromium, system, user=8, tenants=[caller.tenant]) as second,
    ):
        await caller.connect()
        await caller.post("/session")
        await first.open(f"customers/{caller.tenant}")
        await second.open(f"customers/{caller.tenant}")
        await first.sees("You edit this onboarding until")
        await second.sees("edits this onboarding until")
        await second.page.get_by_role("button", name="Take over", exact=True).click()
        await second.page.get_by_role("dialog").get_by_role("button", name="Take over", exact=True).click()
        await second.sees("You edit this onboarding until")

        await first.sees("You can look, and start checks.")
        await first.sees("took over from")


async def test_the_page_recovers_when_session_api_is_restarted(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await caller.connect()
        await caller.post("/session")
        await view.open(f"customers/{caller.tenant}")
        await view.sees("You edit this onboarding until")
        await expect(view.page.get_by_text("Live", exact=True)).to_be_visible()
        await view.page.evaluate("window.sameDocument = true")
        old = system.kill("session-api")
        await view.sees("Not connected")
        await system.wait_ready(instead_of={"session-api": old})
        await expect(view.page.get_by_text("Live", exact=True)).to_be_visible(timeout=20_000)
        await caller.patch(f"/session/{await session_id(caller)}", json={"current_step": 2})

        await view.sees("Step 2 · Access")
        assert await view.page.evaluate("window.sameDocument") is True


async def session_id(caller: Caller) -> int:
    return int((await caller.get("/session")).json()["session"]["id"])


async def test_a_refused_action_says_what_to_do(system: System, chromium: Browser) -> None:
    async with (
        system.caller() as caller,
        system.caller(caller.tenant, user=8) as other,
        window(chromium, system, tenants=[caller.tenant]) as view,
    ):
        await caller.connect()
        await caller.post("/session")
        await view.open(f"customers/{caller.tenant}")
        await view.sees("You edit this onboarding until")
        await view.page.route("**/events", lambda route: route.abort())
        await view.page.get_by_role("button", name="Go to step 2", exact=True).wait_for()
        await other.patch(f"/session/{await session_id(caller)}", json={"takeover": True})
        await view.page.get_by_role("button", name="Abandon", exact=True).click()
        await view.page.get_by_role("dialog").get_by_role("button", name="Abandon", exact=True).click()

        alert = view.page.get_by_role("alert")
        await expect(alert).to_contain_text("EDIT_LOCKED")
        await expect(alert).to_contain_text("take it over")


async def test_an_action_is_copied_as_curl_without_the_token(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await caller.connect()
        await caller.post("/session")
        await view.open(f"customers/{caller.tenant}")
        await view.page.get_by_role("button", name="Copy as curl: Release").click()

        path = f"{caller.url}/tenants/{caller.tenant}/onboarding/session/{await session_id(caller)}/release"
        copied = await view.page.evaluate("navigator.clipboard.readText()")
        assert copied == f"""curl -H "Authorization: Bearer $TOKEN" -X POST '{path}'"""


async def test_a_token_that_has_ended_is_replaced_on_the_page(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await caller.connect()
        await caller.post("/session")
        await view.open(f"customers/{caller.tenant}")
        await view.sees("You edit this onboarding until")
        await view.page.route("**/session/*/release", lambda route: route.fulfill(status=401, json={"error": "ended"}))
        await view.page.get_by_role("button", name="Release", exact=True).click()

        await expect(view.page.get_by_role("dialog")).to_contain_text("Your sign-in has ended")
        await expect(view.page.get_by_role("heading", name="Customer", exact=True)).to_be_attached()


async def test_an_item_of_evidence_is_verified_in_the_browser(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await caller.connect()
        for _ in range(2):
            item = await caller.evidence(await caller.start("graph.connectivity"))
            await caller.ended(item["operation_run_id"])
        await view.open(f"customers/{caller.tenant}/evidence")
        await view.press("button", "Verify the chain")
        await view.sees("The chain of 2 items is whole.")
        await view.press("link", "2")
        await view.sees("Computed again here: it is the same")
        await view.sees("Compared with")
        await view.page.get_by_role("link", name=f"run {item['operation_run_id']}").click()

        await view.sees("requests are in")
        await expect(view.page.get_by_role("row").nth(1)).to_contain_text("GET")


async def test_a_person_signs_in_with_the_provider_and_out_again(system: System, chromium: Browser) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(f"{system.journal['session_api']}/app/#/expiries")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.get_by_role("button", name="Ada").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Expiries")
    await expect(page.locator(".name")).to_contain_text("Ada")
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/app/**")
    await expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    await context.close()

    assert faults == []


async def test_a_sign_in_is_not_renewed_after_the_sign_out(system: System, chromium: Browser) -> None:
    async with window(chromium, system, tenants=[42]) as view:
        provider = {"enabled": True, "client_id": "web", "scopes": ["openid"], "token_endpoint": f"{view.url}/renewals"}
        await view.page.route("**/onboarding/sign-in", lambda route: route.fulfill(json=provider))
        await view.page.route("**/renewals", lambda route: route.fulfill(json={"access_token": "renewed"}))
        await view.page.clock.install()
        await view.open()
        await view.page.evaluate(RENEWABLE)
        await view.page.reload()
        await view.page.get_by_role("button", name="Sign out").click()
        await view.sees("Sign in")
        await view.page.clock.fast_forward("02:00")
        await view.page.wait_for_timeout(1_000)

        assert await view.page.evaluate("sessionStorage.getItem('onboarding.token')") is None


async def test_a_sign_out_forgets_the_consent_link_and_names(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await caller.connect()
        session = (await caller.post("/session")).json()["id"]
        await caller.ended(await caller.start("example.domains"))
        for step in (2, 3):
            answer = await caller.patch(f"/session/{session}", json={"current_step": step})
            assert answer.status_code == 200, answer.text
        await caller.behave("healthy", consented=[])
        await view.page.route("**/onboarding/sign-in", lambda route: route.fulfill(json={"enabled": False}))
        await view.open(f"customers/{caller.tenant}")
        await view.press("button", "Make a consent link")
        await expect(view.page.locator(".copyable code")).to_be_visible()
        await view.sees("User 7")
        named: list[str] = []
        view.page.on(
            "request", lambda request: named.append(request.url) if "/onboarding/users?" in request.url else None
        )
        await view.page.get_by_role("button", name="Sign out").click()
        await view.page.get_by_label("Token").fill(system.place.identity.token(8, [caller.tenant]))
        await view.page.get_by_role("button", name="Use the token").click()
        await view.sees("Its address was shown once")

        await expect(view.page.locator(".copyable code")).to_have_count(0)
        await view.sees("User 7")
        assert [url.partition("?")[2] for url in named] == ["id=7"]


async def test_two_thousand_customers_are_listed_page_by_page(system: System, chromium: Browser) -> None:
    await system.rows("session_api", CUSTOMERS, 720_001, 722_000)
    async with window(chromium, system, tenants="all") as view:
        await view.open()
        rows = view.page.locator("tbody tr")
        await expect(rows).to_have_count(50)
        await view.press("button", "Next page")
        await view.sees("51–100 · page 2")
        await view.page.get_by_label("Search customers").fill("Northwind 1777")
        await expect(rows).to_have_count(1)
        await expect(view.page).to_have_url(f"{view.url}/app/#/customers?search=Northwind+1777")
        await view.page.keyboard.press("Escape")
        await view.page.get_by_label("Search customers").fill("")
        await view.focus(rows.first.get_by_role("link"))
        await view.page.keyboard.press("ArrowDown")

        assert await rows.nth(1).get_by_role("link").evaluate("element => element === document.activeElement")


async def test_filters_of_the_address_become_chips(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await caller.connect()
        await caller.post("/session")
        await view.open("customers?session=completed")
        await view.sees("No customer matches the filters.")
        await view.page.get_by_role("button", name="Completed").click()

        await expect(view.page.locator("tbody tr")).to_have_count(1)


async def test_an_operator_works_with_the_keyboard_alone(system: System, chromium: Browser) -> None:
    await system.rows("session_api", DEAD_LETTER, "planted.topic")
    operator = [*PERMISSIONS, "onboarding.platform"]
    async with (
        system.caller() as caller,
        window(chromium, system, tenants=[caller.tenant], permissions=operator) as view,
    ):
        await caller.connect()
        run_id = await caller.start("graph.connectivity")
        await caller.ended(run_id)
        await view.open("operations")
        await expect(view.page.get_by_text("✓ Ready", exact=True)).to_have_count(3, timeout=30_000)
        await view.press("button", "Ended")
        await view.focus(view.page.get_by_label(f"Choose run {run_id}"))
        await view.page.keyboard.press("Space")
        await view.press("button", "Retry 1 chosen")
        await view.press("button", "Retry the runs")
        await view.sees("repeats it")
        await view.press("button", "Close")
        await view.press("button", "Show one: MALFORMED of planted.topic")
        await view.sees('"detail": "planted"')
        await view.page.keyboard.press("Escape")
        await view.press("button", "Discard…: MALFORMED of planted.topic")
        await view.press("button", "Discard: MALFORMED of planted.topic")
        await view.sees("Records: 1 discarded.")

        retried = (await caller.get("/runs?limit=1")).json()[0]
        assert (retried["task_type"], retried["retry_of_run_id"]) == ("graph.connectivity", run_id)


async def test_chosen_runs_are_cancelled_together(system: System, chromium: Browser) -> None:
    async with system.caller() as caller, window(chromium, system, tenants=[caller.tenant]) as view:
        await caller.connect(consented=[])
        run_id = await caller.start("app.consent")
        await view.open("runs?state=waiting")
        await view.page.get_by_label(f"Choose run {run_id}").check()
        await view.page.get_by_role("button", name="Cancel 1 chosen").click()
        await view.page.get_by_role("button", name="Cancel the runs", exact=True).click()
        await view.sees("cancelled")

        assert (await caller.ended(run_id))["state"] == "cancelled"
