"""``app.consent`` over real HTTP: what it waits for, what it fails, and that no old token answers."""

from collections.abc import Mapping
from typing import Any

import pytest

from task_runner.checks.lists import MANIFEST
from task_runner.tasks import Result, Wait, discover
from task_runner.tasks.context import NO_DETAILS, RunDetails
from task_runner.testing import CLIENT_ID, task_context
from tests.integration.graph.hostile import as_json, context_on

CONSENT = discover()["app.consent"]
OWN = f"/servicePrincipals(appId='{CLIENT_ID}')"
GRAPH = f"/servicePrincipals(appId='{MANIFEST.resource_app_id}')"
PRINCIPAL = {"id": "sp", "accountEnabled": True}


async def checked(details: RunDetails = NO_DETAILS, **options: Any) -> Result:
    async with task_context(details=details, **options) as context:
        return await CONSENT(context)


async def waited(details: RunDetails = NO_DETAILS, **options: Any) -> Wait:
    with pytest.raises(Wait) as caught:
        await checked(details, **options)
    return caught.value


def answers(
    *, roles: tuple[str, ...] = tuple(MANIFEST.app_roles.values()), grants: tuple[Any, ...] = (), **principal: Any
) -> dict[str, Any]:
    """Responses of Graph about the application, as overrides."""
    return {
        OWN: {**PRINCIPAL, **principal},
        GRAPH: {"id": "graph", "accountEnabled": True},
        "/servicePrincipals/sp/appRoleAssignments": [{"appRoleId": role, "resourceId": "graph"} for role in roles],
        "/servicePrincipals/sp/oauth2PermissionGrants": list(grants),
    }


def scopes(scope: str | None, resource: str = "graph") -> Mapping[str, Any]:
    return {"id": "g", "resourceId": resource, "scope": scope}


@pytest.mark.parametrize("number", ["7000229", "700016", "65001"])
async def test_an_application_without_consent_is_waited_for(number: str) -> None:
    wait = await waited(token_error=number)

    assert (wait.reason_code, wait.seconds) == ("CONSENT_MISSING", 300.0)
    assert f"AADSTS{number}" in wait.message
    assert "Send the consent link" in wait.message
    assert wait.payload["provenance"]["checker"] == "app.consent"


async def test_an_unknown_application_names_the_other_causes() -> None:
    message = (await waited(token_error="700016")).message

    assert "its registration is for one tenant only" in message
    assert "in another cloud" in message


async def test_a_woken_run_waits_five_seconds() -> None:
    assert (await waited(RunDetails(since_wake=0.1), token_error="7000229")).seconds == 5.0


@pytest.mark.parametrize("number", ["7000229", "700016"])
async def test_consent_that_was_there_is_lost(number: str) -> None:
    result = await checked(RunDetails(previously_ok=True), token_error=number)

    assert (result.status.value, result.reason_code) == ("fail", "CONSENT_LOST")


async def test_a_refused_service_principal_is_disabled() -> None:
    result = await checked(token_error="7000112")

    assert (result.status.value, result.reason_code) == ("fail", "CONSENT_DISABLED")


async def test_a_disabled_service_principal_fails() -> None:
    result = await checked(overrides=answers(accountEnabled=False))

    assert (result.status.value, result.reason_code) == ("fail", "CONSENT_DISABLED")


async def test_a_wrong_secret_fails_and_is_not_waited_for() -> None:
    result = await checked(token_error="7000215")

    assert (result.status.value, result.reason_code) == ("fail", "CREDENTIAL_INVALID")


async def test_a_missing_role_is_waited_for_and_named() -> None:
    roles = {name: role for name, role in MANIFEST.app_roles.items() if name != "Policy.Read.All"}
    wait = await waited(overrides=answers(roles=tuple(roles.values())))

    assert (wait.reason_code, wait.payload["missing"]) == ("CONSENT_PERMISSIONS_MISSING", ["Policy.Read.All"])


@pytest.mark.parametrize("scope", ["User.Read", "openid profile offline_access email User.Read", "", None])
async def test_allowed_scopes_are_no_excess(scope: str | None) -> None:
    result = await checked(overrides=answers(grants=(scopes(scope),)))

    assert (result.status.value, result.reason_code) == ("ok", "CONSENT_OK")


@pytest.mark.parametrize(
    ("scope", "resource", "extra"),
    [
        ("User.Read Mail.Read", "graph", ["delegated Mail.Read on graph"]),
        ("User.Read", "elsewhere", ["delegated User.Read on elsewhere"]),
    ],
)
async def test_other_scopes_are_excess(scope: str, resource: str, extra: list[str]) -> None:
    result = await checked(overrides=answers(grants=(scopes(scope, resource),)))

    assert (result.reason_code, result.payload["extra"]) == ("CONSENT_EXCESS", extra)


@pytest.mark.parametrize("grant", [{"id": "g", "resourceId": "graph"}, {"id": "g", "resourceId": "graph", "scope": 7}])
async def test_a_grant_without_a_readable_scope_is_unknown(grant: Any) -> None:
    result = await checked(overrides=answers(grants=(grant,)))

    assert (result.status.value, result.reason_code) == ("unknown", "DATA_INCOMPLETE")


async def test_a_role_beyond_the_manifest_is_excess() -> None:
    extra = "f6e9e124-4586-492f-adc0-c6f96e4823fd"
    result = await checked(overrides=answers(roles=(*MANIFEST.app_roles.values(), extra)))

    assert (result.reason_code, result.payload["extra"]) == ("CONSENT_EXCESS", [extra])


async def test_an_application_that_nobody_knows_is_waited_for() -> None:
    assert (await waited(consented=False)).reason_code == "CONSENT_MISSING"


async def test_every_check_gets_a_new_token() -> None:
    tokens: list[str] = []

    async def answer(path: str, headers: dict[str, str]) -> Any:
        if path.endswith("/token"):
            tokens.append(f"token-{len(tokens)}")
            return as_json({"access_token": tokens[-1], "token_type": "Bearer", "expires_in": 3600})
        refusal = {"error": {"code": "Request_ResourceNotFound", "message": "No."}}
        return as_json({"responses": [{"id": number, "status": 404, "body": refusal} for number in ("0", "1")]})

    async with context_on(answer) as context:
        for _ in range(2):
            with pytest.raises(Wait):
                await CONSENT(context)

    assert tokens == ["token-0", "token-1"]
