"""Authentication of applications at the token endpoint: secrets, certificates and federated tokens."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

from microsoft_emulator.applications import Application, Applications
from microsoft_emulator.assertions import ASSERTION_TYPE, Refused
from microsoft_emulator.assertions import refused as refused_assertion

NOTHING_SENT = "7000216", "The request must contain 'client_assertion' or 'client_secret'."


def problem(
    applications: Applications, application: Application, form: Mapping[str, str], token_url: str
) -> Refused | None:
    """The reason to refuse an application that must authenticate; None if it is the one that it says."""
    if assertion := form.get("client_assertion"):
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return "9002313", f"'client_assertion_type' must be {ASSERTION_TYPE}."
        return refused_assertion(applications, application, form["client_id"], assertion, token_url)
    if secret := form.get("client_secret"):
        return _secret(application, secret)
    return NOTHING_SENT


def problem_for_user(
    applications: Applications, application: Application, form: Mapping[str, str], token_url: str
) -> Refused | None:
    """The same for tokens of people: an application without credentials is public, and must send none."""
    sent = form.get("client_assertion") or form.get("client_secret")
    if application.is_public:
        text = "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."
        return ("700025", text) if sent else None
    if not sent:
        return "7000218", "The request body must contain 'client_assertion' or 'client_secret'."
    return problem(applications, application, form, token_url)


def _secret(application: Application, sent: str) -> Refused | None:
    for secret in application.secrets:
        if hmac.compare_digest(secret.value.encode(), sent.encode()):
            if secret.expires_at is not None and secret.expires_at.astimezone(UTC) <= datetime.now(UTC):
                return "7000222", "The client secret has expired."
            return None
    return "7000215", "The client secret is wrong."
