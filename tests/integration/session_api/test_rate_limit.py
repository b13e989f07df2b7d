"""The limit of requests per caller, over HTTP."""

import pytest

from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import TENANT, Api

SESSION = f"/tenants/{TENANT}/onboarding/session"


@pytest.fixture
def settings(settings: SessionApiSettings) -> SessionApiSettings:
    return settings.model_copy(update={"caller_requests_per_minute": 2})


async def test_the_third_request_of_two_is_refused_and_health_is_not(api: Api) -> None:
    caller = api.caller(7)
    answers = [await caller.get(SESSION) for _ in range(3)]
    health = [await caller.get("/health/live") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=1", "r=0", "r=0"]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"caller";q=2;w=60'}
    assert answers[2].json()["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    assert {answer.status_code for answer in health} == {200}
    assert (await api.caller(8).get(SESSION)).status_code == 200


async def test_another_token_of_the_caller_shares_its_limit(api: Api) -> None:
    answers = [await api.caller(7, tenants=[TENANT, other]).get(SESSION) for other in (1, 2, 3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_a_refused_request_counts_too(api: Api) -> None:
    answers = [await api.caller(7).get("/tenants/1/onboarding/session") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert "ratelimit" in answers[0].headers
