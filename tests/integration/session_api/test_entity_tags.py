"""Conditional requests on sessions."""

import pytest

from tests.integration.session_api.service import TENANT, Api

SESSION = f"/tenants/{TENANT}/onboarding/session"


async def test_reads_of_an_unchanged_session_have_one_strong_tag(api: Api) -> None:
    opened = await api.caller().post(SESSION)
    tags = [(await api.caller().get(SESSION)).headers["etag"] for _ in range(2)]

    assert tags == [opened.headers["etag"]] * 2
    assert tags[0].startswith('"')
    assert len(tags[0]) == 34


async def test_a_change_gives_a_new_tag_that_a_read_has_too(api: Api) -> None:
    session = await api.session()
    before = (await api.caller().get(SESSION)).headers["etag"]
    changed = await api.caller().patch(f"{SESSION}/{session['id']}", json={"assigned_to_user_id": 8})

    assert changed.headers["etag"] != before
    assert (await api.caller().get(SESSION)).headers["etag"] == changed.headers["etag"]


async def test_a_lock_that_was_taken_and_given_back_gives_a_new_tag(api: Api) -> None:
    url = f"{SESSION}/{(await api.session())['id']}"
    await api.caller().post(f"{url}/release")
    before = await api.caller().get(url)
    await api.caller().patch(url, json={})
    released = await api.caller().post(f"{url}/release")
    after = await api.caller().get(url)

    assert {**after.json(), "updated_at": None, "version": None} == {
        **before.json(),
        "updated_at": None,
        "version": None,
    }
    assert after.json()["updated_at"] > before.json()["updated_at"]
    assert after.headers["etag"] == released.headers["etag"] != before.headers["etag"]


async def test_an_expired_edit_lock_gives_a_new_tag(api: Api) -> None:
    await api.session()
    before = (await api.caller().get(SESSION)).headers["etag"]
    await api.rows("UPDATE onboarding_sessions SET locked_until = now() - interval '1 second'")

    assert (await api.caller().get(SESSION)).headers["etag"] != before


@pytest.mark.parametrize(("method", "path"), [("PATCH", ""), ("POST", "/complete"), ("POST", "/abandon")])
async def test_a_change_of_a_session_that_has_changed_is_refused(api: Api, method: str, path: str) -> None:
    session = await api.session()
    url = f"{SESSION}/{session['id']}"
    old = (await api.caller().get(SESSION)).headers["etag"]
    current = (await api.caller().patch(url, json={"assigned_to_user_id": 8})).headers["etag"]
    body = {"json": {"assigned_to_user_id": 9}} if method == "PATCH" else {}
    refused = await api.caller().request(method, url + path, headers={"If-Match": old}, **body)

    assert (refused.status_code, refused.json()["code"]) == (412, "SESSION_CHANGED")
    assert refused.headers["etag"] == current
    assert (await api.caller().get(SESSION)).headers["etag"] == current


@pytest.mark.parametrize("form", ["{tag}", '"other", {tag}', "*"])
async def test_a_change_with_the_present_tag_is_made(api: Api, form: str) -> None:
    session = await api.session()
    tag = (await api.caller().get(SESSION)).headers["etag"]
    url = f"{SESSION}/{session['id']}"
    changed = await api.caller().patch(url, json={"assigned_to_user_id": 8}, headers={"If-Match": form.format(tag=tag)})

    assert (changed.status_code, changed.json()["assigned_to_user_id"]) == (200, 8)


async def test_a_weak_tag_never_matches_a_change(api: Api) -> None:
    session = await api.session()
    tag = (await api.caller().get(SESSION)).headers["etag"]
    refused = await api.caller().post(f"{SESSION}/{session['id']}/abandon", headers={"If-Match": f"W/{tag}"})

    assert refused.status_code == 412


@pytest.mark.parametrize("header", ["x", '"a', '"a" "b"', f'"{"a" * 1000}"', ""])
async def test_a_malformed_condition_is_named(api: Api, header: str) -> None:
    session = await api.session()
    refused = await api.caller().patch(f"{SESSION}/{session['id']}", json={}, headers={"If-Match": header})

    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (400, "INVALID_HEADER", "If-Match")


@pytest.mark.parametrize("opened", [False, True])
async def test_a_known_session_is_not_sent_again(api: Api, opened: bool) -> None:
    if opened:
        await api.session()
    first = await api.caller().get(SESSION)
    again = await api.caller().get(SESSION, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await api.caller().get(SESSION, headers={"If-None-Match": '"x"'})).status_code == 200
