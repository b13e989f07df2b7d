"""The customer's part in the demo: approve the invitation, and accept the consent page, over HTTP."""

import re
from enum import StrEnum
from html import unescape
from urllib.parse import urljoin

import httpx2

from onboarding_devstack.cli.exits import CommandError, Exit

_FORM_TOKEN = re.compile(r'name="token" value="([^"]+)"')


class Way(StrEnum):
    """The way into the customer's tenant: consent by link alone, or delegated administration (GDAP) as well."""

    LINK = "link"
    GDAP = "gdap"


class CustomerAdministrator:
    """An administrator of the customer with a browser. ``graph`` is the address of the Microsoft emulator."""

    def __init__(self, graph: str) -> None:
        self._graph = graph

    async def accept_consent(self, url: str) -> int:
        """Open the consent link, accept, and follow the redirect to the product; returns the status of its page."""
        async with self._browser() as browser:
            shown = await browser.get(url)
            token = _FORM_TOKEN.search(shown.text)
            if token is None:
                raise CommandError(Exit.FAILED, f"the consent page has no form: HTTP {shown.status_code}")
            form = {"token": unescape(token[1]), "decision": "accept"}
            accepted = await browser.post(url, data=form)
            if "location" not in accepted.headers:
                raise CommandError(Exit.FAILED, f"the consent page did not redirect: HTTP {accepted.status_code}")
            returned = await browser.get(urljoin(url, accepted.headers["location"]))
            return returned.status_code

    async def approve_invitation(self, invitation_link: str, tenant: str) -> None:
        """Approve the relationship of an invitation link, whose page the emulator has under its own address."""
        relationship = invitation_link.rsplit("/", 1)[-1]
        async with self._browser() as browser:
            address = f"{self._graph}/_control/relationships/{relationship}/approve"
            answer = await browser.post(address, json={"tenant": tenant})
            if not answer.is_success:
                raise CommandError(Exit.FAILED, f"the invitation cannot be approved: {answer.text[:200]}")

    def _browser(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(trust_env=False, timeout=15.0)
