"""The people whom one can be in the embedded system, and the application that they sign in to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onboarding_devstack.identity import PERMISSIONS, PLATFORM

CLIENT_ID = "onboarding-web-application"
"""The web application, the only client."""


@dataclass(frozen=True)
class Choice:
    """A person, with what the page says and the claims of the access token."""

    name: str
    text: str
    subject: int
    claims: Mapping[str, Any]


PEOPLE: Mapping[str, Choice] = {
    "ada": Choice(
        "Ada Berger", "Technician, all customers", 1001, {"tenants": "all", "permissions": list(PERMISSIONS)}
    ),
    "ben": Choice(
        "Ben Okafor", "Technician, customers 42 and 43", 1002, {"tenants": [42, 43], "permissions": list(PERMISSIONS)}
    ),
    "ria": Choice("Ria Holt", "Reads all customers", 1003, {"tenants": "all", "permissions": ["onboarding.read"]}),
    "omar": Choice(
        "Omar Haddad",
        "Operator: reads all customers, binds tenants",
        1004,
        {"tenants": "all", "permissions": ["onboarding.read", PLATFORM]},
    ),
}
