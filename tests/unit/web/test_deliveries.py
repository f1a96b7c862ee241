"""Channels and deliveries over HTTP: who may look, who may send again, what a page shows of a hostile receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.unit.web.site import OWN, Site
from tests.unit.web.test_pages import HOSTILE, assert_harmless

from groundcrew.domain.delivery import Channel, NotTaken
from groundcrew.services.deliveries import enqueue
from groundcrew.store import catalog

HOOK = Channel(name="app", kind="webhook", url="https://app.example/hooks/secret-path", secret="env:S", networks=("10.0.0.0/8",))
DESK = Channel(name="desk", kind="email", to=("desk@bank.example",))


@pytest_asyncio.fixture
async def told(site: Site) -> AsyncIterator[Site]:
    """A site with two channels, a message that waits, and one that failed for a hostile reason."""
    async with site.services.database.write("user:test") as writer:
        for each in (HOOK, DESK):
            await catalog.CHANNELS.put(writer, each, "apply")
        await enqueue(
            writer, key="sign-off/1/released", channel="app", event="sign_off.released", subject="sign-off/1", body={"id": "1"}
        )
    (sending,) = await site.services.deliveries.due(owner="me", room={}, room_default=1, most=1, lease_s=60)
    await site.services.deliveries.not_taken(sending, NotTaken(HOSTILE, is_final=True), owner="me")
    async with site.services.database.write("user:test") as writer:
        await enqueue(writer, key="alert/7", channel="desk", event="alert.raised", subject=HOSTILE, body={"id": HOSTILE})
    yield site


async def test_what_waits_and_failed_is_for_all_to_see(told: Site) -> None:
    counted = (await told.api("auditor", "GET", "/channels")).json()["channels"]
    assert [(each["channel"]["name"], each["pending"], each["failed"]) for each in counted] == [("app", 0, 1), ("desk", 1, 0)]
    everything = (await told.api("auditor", "GET", "/deliveries")).json()["deliveries"]
    assert [each["delivery"]["id"] for each in everything] == ["alert/7", "sign-off/1/released"]
    for query, ids in (
        ("state=failed", ["sign-off/1/released"]),
        ("channel=desk", ["alert/7"]),
        ("subject=sign-off/1", ["sign-off/1/released"]),
        ("state=delivered", []),
    ):
        found = (await told.api("auditor", "GET", f"/deliveries?{query}")).json()["deliveries"]
        assert [each["delivery"]["id"] for each in found] == ids
    one = (await told.api("auditor", "GET", "/deliveries/sign-off/1/released")).json()
    assert (one["delivery"]["state"], one["attempts"], one["last_error"]) == ("failed", 1, HOSTILE)
    assert (await told.api("auditor", "GET", "/deliveries/no/such")).status_code == 404
    assert (await told.as_key("GET", "/deliveries", use_case=OWN)).status_code == 403


async def test_who_runs_it_sends_again(told: Site) -> None:
    body = {"id": "sign-off/1/released", "reason": "the receiver is repaired"}
    for role in ("auditor", "reviewer", "business"):
        assert (await told.api(role, "POST", "/deliveries/replay", json=body)).status_code == 403
        assert (await told.api(role, "POST", "/channels/app/test")).status_code == 403
    answer = await told.api("on_call", "POST", "/deliveries/replay", json=body)
    assert (answer.status_code, answer.json()["delivery"]["state"]) == (202, "pending")
    assert (await told.api("on_call", "POST", "/deliveries/replay", json={**body, "reason": ""})).status_code == 400
    assert (await told.api("on_call", "POST", "/deliveries/replay", json={**body, "id": "no"})).status_code == 404
    tried = await told.api("it", "POST", "/channels/app/test")
    assert (tried.status_code, tried.json()["event"]) == (202, "channel.test")
    assert (await told.api("it", "POST", "/channels/ap/test")).status_code == 404


async def test_the_page(told: Site) -> None:
    page = (await told.as_person("on_call", "GET", "/deliveries")).text
    assert_harmless(page)
    assert "app.example" in page
    assert "secret-path" not in page
    assert "also into 10.0.0.0/8" in page
    assert "desk@bank.example" in page
    assert "Send again" in page
    looked = (await told.as_person("auditor", "GET", "/deliveries?state=failed&channel=app")).text
    assert "Through app" in looked
    assert "Send again" not in looked
    again = await told.as_person(
        "on_call", "POST", "/deliveries/replay", data={"id": "sign-off/1/released", "reason": "repaired"}
    )
    assert (again.status_code, again.headers["location"]) == (303, "/deliveries?done=replayed")
    unexplained = await told.as_person("on_call", "POST", "/deliveries/replay", data={"id": "sign-off/1/released", "reason": " "})
    assert unexplained.status_code == 400
    assert "say why" in unexplained.text
    tried = await told.as_person("on_call", "POST", "/channels/desk/test", data={})
    assert tried.headers["location"] == "/deliveries?done=tried"
    assert "on its way" in (await told.as_person("on_call", "GET", "/deliveries?done=tried")).text


async def test_a_page_without_anything_says_so(site: Site) -> None:
    page = (await site.as_person("auditor", "GET", "/deliveries")).text
    assert "None is declared" in page
    assert "Nothing has failed." in (await site.as_person("auditor", "GET", "/deliveries?state=failed")).text
