"""The consent page: what it shows, whom it refuses, and where it leads."""

import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.unit.emulator.microsoft import APP, OTHER, TENANT, Microsoft, codes, microsoft

BACK = "https://onboarding.example/consent/callback"
REGISTRATION: dict[str, Any] = {
    "display_name": "Managed <Tenants>",
    "redirect_uris": [BACK],
    "required_app_roles": ["Organization.Read.All", "User.Read.All"],
    "required_scopes": ["User.Read"],
}
QUERY = {
    "client_id": APP,
    "scope": "https://graph.example/.default",
    "redirect_uri": BACK,
    "state": "a state & more",
}


async def opened(ms: Microsoft, named: str = TENANT, version: str = "/v2.0", **query: str | None) -> httpx2.Response:
    sent = {name: value for name, value in {**QUERY, **query}.items() if value is not None}
    return await ms.http.get(f"/{named}{version}/adminconsent", params=sent)


async def pressed(ms: Microsoft, page: httpx2.Response, decision: str, **fields: str) -> httpx2.Response:
    token = re.search(r'name="token" value="(\w+)"', page.text)
    assert token is not None
    form = {"token": token.group(1), "decision": decision, **fields}
    return await ms.http.post(str(page.request.url), data=form)


def led_to(answer: httpx2.Response) -> tuple[str, dict[str, str]]:
    assert answer.status_code == 302
    where = urlsplit(answer.headers["location"])
    return f"{where.scheme}://{where.netloc}{where.path}", dict(parse_qsl(where.query))


async def test_the_page_names_application_tenant_and_permissions() -> None:
    async with microsoft(**REGISTRATION) as ms:
        page = await opened(ms)

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "Managed &lt;Tenants&gt;" in page.text
    for text in (TENANT, "Organization.Read.All", "User.Read.All", "User.Read (delegated)"):
        assert text in html.unescape(page.text)
    assert "<script" not in page.text


async def test_the_page_alone_grants_nothing() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await opened(ms)
        assert codes(await ms.token())[2] == [7000229]


async def test_accept_creates_what_is_required_and_leads_back() -> None:
    async with microsoft(**REGISTRATION) as ms:
        answer = await pressed(ms, await opened(ms), "accept")
        await ms.consent(TENANT, granted=["Directory.Read.All"], scopes=["User.Read"])
        principal = (await ms.graph(f"/servicePrincipals(appId='{APP}')")).json()
        held = await ms.listed(f"/servicePrincipals/{principal['id']}/appRoleAssignments")
        (grant,) = await ms.listed(f"/servicePrincipals/{principal['id']}/oauth2PermissionGrants")

    expected = {"admin_consent": "True", "tenant": TENANT, "state": QUERY["state"], "scope": QUERY["scope"]}
    assert led_to(answer) == (BACK, expected)
    assert principal["displayName"] == "Managed <Tenants>"
    assert {each["appRoleId"] for each in held} == {
        "498476ce-e0fe-48b0-b801-37ba7e2685c6",
        "df021288-bdef-4463-88db-98f22de89214",
        "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    }
    assert (grant["consentType"], grant["scope"]) == ("AllPrincipals", "User.Read")


async def test_accepting_twice_changes_nothing() -> None:
    async with microsoft(**REGISTRATION) as ms:
        for _ in range(2):
            assert (await pressed(ms, await opened(ms), "accept")).status_code == 302
        assert (await ms.token()).status_code == 200


async def test_cancel_leads_back_with_an_error_and_no_consent() -> None:
    async with microsoft(**REGISTRATION) as ms:
        where, query = led_to(await pressed(ms, await opened(ms), "cancel"))
        assert codes(await ms.token())[2] == [7000229]

    assert where == BACK
    assert query.pop("error_description").startswith("AADSTS65004: ")
    assert query == {"error": "consent_required", "admin_consent": "True", "state": QUERY["state"]}


async def test_the_older_page_has_its_own_answers() -> None:
    async with microsoft(**REGISTRATION) as ms:
        page = await opened(ms, version="", scope=None, state=None)
        _, declined = led_to(await pressed(ms, page, "cancel"))
        _, accepted = led_to(await pressed(ms, page, "accept"))

    assert declined.pop("error_description")
    assert declined == {"error": "permission_denied"}
    assert accepted == {"admin_consent": "True", "tenant": TENANT}


@pytest.mark.parametrize(
    ("named", "query", "number"),
    [
        (TENANT, {"client_id": OTHER}, "700016"),
        (TENANT, {"redirect_uri": f"{BACK}/"}, "50011"),
        (TENANT, {"redirect_uri": "https://elsewhere.example"}, "50011"),
        (TENANT, {"scope": None}, "900144"),
        (TENANT, {"scope": "User.Read"}, "70011"),
        (TENANT, {"client_id": None}, "900144"),
        ("nowhere.example", {}, "90002"),
        ("common", {}, "90133"),
    ],
)
async def test_a_wrong_link_is_told_on_the_page(named: str, query: dict[str, str | None], number: str) -> None:
    async with microsoft(**REGISTRATION) as ms:
        page = await opened(ms, named, **query)

    assert page.status_code == 400
    assert f"AADSTS{number}: " in page.text
    assert "location" not in page.headers
    assert "<form" not in page.text


async def test_without_a_redirect_uri_the_first_one_counts() -> None:
    async with microsoft(**REGISTRATION) as ms:
        answer = await pressed(ms, await opened(ms, redirect_uri=None), "accept")

    assert led_to(answer)[0] == BACK


async def test_an_application_without_redirect_uris_cannot_ask() -> None:
    async with microsoft() as ms:
        assert "AADSTS900971: " in (await opened(ms, redirect_uri=None)).text


async def test_an_open_link_is_accepted_in_the_chosen_tenant() -> None:
    async with microsoft(**REGISTRATION) as ms:
        _, query = led_to(await pressed(ms, await opened(ms, "organizations"), "accept", tenant=OTHER))
        statuses = [(await ms.token(tenant)).status_code for tenant in (TENANT, OTHER)]

    assert query["tenant"] == OTHER
    assert statuses == [401, 200]


async def test_a_link_for_a_tenant_is_not_accepted_in_another() -> None:
    async with microsoft(**REGISTRATION) as ms:
        _, query = led_to(await pressed(ms, await opened(ms), "accept", tenant=OTHER))

    assert query["tenant"] == TENANT


async def test_a_single_tenant_application_is_not_accepted_elsewhere() -> None:
    async with microsoft(**REGISTRATION, single_tenant=True, home_tenant=OTHER) as ms:
        assert "AADSTS700016: " in (await opened(ms)).text
        page = await pressed(ms, await opened(ms, "organizations"), "accept", tenant=TENANT)

    assert "AADSTS700016: " in page.text


async def test_a_form_of_another_page_is_refused() -> None:
    async with microsoft(**REGISTRATION) as ms:
        page = await opened(ms, OTHER)
        token = re.findall(r'name="token" value="(\w+)"', page.text)[0]
        url = str((await opened(ms)).request.url)
        answers = [await ms.http.post(url, data={"token": value, "decision": "accept"}) for value in (token, "é", "")]
        assert codes(await ms.token())[2] == [7000229]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
