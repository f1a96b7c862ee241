"""The Stream over HTTP and in the console: who may do what, forms that do what they say, parts for open pages, the calendar."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar
from tests.unit.web.site import OWN, Site

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.services.meeting_records import MANAGERS
from groundcrew.web import pulses
from groundcrew.web.authentication import Principal
from groundcrew.web.authorization import allowed
from groundcrew.web.console.meetings import FEED_MISSES_MAX
from groundcrew.web.pulses import Pulses

CADENCE = {"first_day": "2050-01-10", "at": "14:00", "time_zone": "Europe/Zurich", "length_min": "60", "place": "Room 3"}


async def opened(site: Site) -> str:
    at = (site.services.database.clock.now() + timedelta(hours=1)).isoformat()
    made = await site.api("it", "POST", "/meetings", json={"starts_at": at})
    assert made.status_code == 201, made.text
    meeting: str = made.json()["id"]
    assert (await site.api("it", "POST", f"/meetings/{meeting}/open")).status_code == 200
    return meeting


async def gathered(site: Site, meeting: str) -> None:
    for function in FUNCTIONS:
        assert (await site.api(function, "POST", f"/meetings/{meeting}/join", json={"function": function})).status_code == 200


def test_who_may_run_a_meeting_is_who_the_policies_name() -> None:
    from groundcrew.domain.user import ROLES

    may = {each for each in ROLES if allowed(Principal(kind="user", name="x", method="basic", roles=(each,)), "manage_meeting")}
    assert may == set(MANAGERS)


async def test_a_meeting_over_the_api_from_its_cadence_to_its_minutes(site: Site) -> None:
    body: dict[str, Any] = {**CADENCE, "length_min": 60}
    assert (await site.api("owner", "POST", "/meetings/cadence", json=body)).status_code == 403
    assert (await site.api("it", "POST", "/meetings/cadence", json={**body, "at": "25:00"})).status_code == 400
    assert (await site.api("it", "POST", "/meetings/cadence", json=body)).status_code == 200
    assert len((await site.api("auditor", "GET", "/meetings?state=scheduled")).json()["meetings"]) == 2
    meeting = await opened(site)
    assert (await site.api("auditor", "POST", f"/meetings/{meeting}/join", json={})).status_code == 403
    topic = {"title": "Names", "why": "three teams use three words"}
    item = (await site.api("owner", "POST", f"/meetings/{meeting}/topics", json=topic)).json()["id"]
    proposal = {"item": item, "text": "One word", "cites": [f"use-case/{OWN}"]}
    path = f"/meetings/{meeting}/decisions"
    assert (await site.api("it", "POST", path, json=proposal)).status_code == 403, "who is not there proposes nothing"
    await gathered(site, meeting)
    decision = (await site.api("it", "POST", path, json=proposal)).json()["id"]
    assert (await site.api("admin", "POST", f"/decisions/{decision}/votes", json={"word": "for"})).status_code == 403
    for function in FUNCTIONS[:3]:
        voted = await site.api(function, "POST", f"/decisions/{decision}/votes", json={"word": "for", "text_revision": 1})
        assert voted.status_code == 200, voted.text
    assert (await site.api("it", "POST", f"/decisions/{decision}/count", json={})).status_code == 409
    await site.api("business", "POST", f"/meetings/{meeting}/leave", json={})
    refused = await site.api("it", "POST", f"/decisions/{decision}/count", json={})
    assert (refused.status_code, "no quorum" in refused.text) == (409, True)
    await site.api("business", "POST", f"/meetings/{meeting}/join", json={"function": "business"})
    await site.api("business", "POST", f"/decisions/{decision}/votes", json={"word": "against", "remark": "too dear"})
    counted = await site.api("it", "POST", f"/decisions/{decision}/count", json={"text_revision": 1})
    assert (counted.status_code, counted.json()["state"]) == (200, "adopted"), counted.text
    due = (site.services.database.clock.now() + timedelta(days=3)).date().isoformat()
    action = {"title": "write them down", "owner": "legal", "due": due, "meeting": meeting, "item": item}
    made = (await site.api("it", "POST", "/actions", json=action)).json()["id"]
    assert (await site.api("it", "POST", f"/actions/{made}/done", json={"result": "done"})).status_code == 403
    assert (await site.api("legal", "POST", f"/actions/{made}/done", json={"result": "done"})).status_code == 200
    view = (await site.api("auditor", "GET", f"/meetings/{meeting}")).json()
    assert view["missing"] == []
    assert [each["state"] for each in view["points"] if each["id"] == item] == ["decided"]
    assert (await site.api("auditor", "GET", f"/meetings/{meeting}/minutes")).status_code == 409
    closed = (await site.api("ethics", "POST", f"/meetings/{meeting}/close")).json()
    minutes = (await site.api("auditor", "GET", f"/meetings/{meeting}/minutes")).json()
    assert minutes["sha256"] == closed["minutes_sha256"]
    for form, kind in (("json", "application/json"), ("markdown", "text/markdown"), ("pdf", "application/pdf")):
        file = await site.api("auditor", "GET", f"/meetings/{meeting}/minutes?format={form}")
        assert file.headers["content-type"].startswith(kind)
        if form != "pdf":
            found = await site.api("auditor", "POST", "/meetings/minutes/verify", json={"content": file.text})
            assert found.json()["genuine"], found.text
    bad = await site.api("auditor", "POST", "/meetings/minutes/verify", json={"content": file.text[:20], "meeting": meeting})
    assert bad.json()["genuine"] is False
    assert (await site.api("it", "POST", f"/meetings/{meeting}/addenda", json={"text": "it was two"})).status_code == 201


async def test_forms_work_without_a_script_and_answer_with_parts_where_there_is_one(site: Site) -> None:
    assert (await site.as_person("it", "POST", "/stream/cadence", data={**CADENCE, "at": "x"})).status_code == 400
    assert (await site.as_person("it", "POST", "/stream/cadence", data=CADENCE)).status_code == 303
    assert "10 January 2050" in (await site.as_person("auditor", "GET", "/stream")).text
    meeting = await opened(site)
    at = f"/stream/{meeting}"
    plain = await site.as_person("legal", "POST", f"{at}/topics", data={"title": "<b>Names</b>", "why": "why"})
    assert plain.status_code == 303
    page = (await site.as_person("legal", "GET", at)).text
    assert "&lt;b&gt;Names" in page
    assert "Nothing binding can be decided" in page
    parts = await site.as_person("legal", "POST", f"{at}/join", data={"function": "legal"}, headers={"HX-Request": "true"})
    assert (parts.status_code, 'id="quorum"' in parts.text, "<html" in parts.text) == (200, True, False)
    assert parts.text.count('hx-swap-oob="true"') >= 5
    view = await site.services.meetings.view(meeting)
    point = next(each for each in view.points if each.entry.kind == "topic")
    refused = await site.as_person(
        "it", "POST", f"{at}/notes", data={"point": point.id, "text": "hm"}, headers={"HX-Request": "true"}
    )
    assert (refused.status_code, "join it first" in refused.text) == (403, True)
    whole = await site.as_person("it", "POST", f"{at}/summary", data={"point": point.id, "revision": "0", "text": "mine"})
    assert (whole.status_code, "<html" in whole.text) == (403, True)
    await gathered(site, meeting)
    form = {"point": point.id, "text": "Grant", "kind": "grant_authority", "terms": 'person: eva\nrights: ["veto"]\nno colon'}
    assert (await site.as_person("it", "POST", f"{at}/decisions", data=form)).status_code == 400
    form["terms"] = 'person: eva\nrights: ["veto"]\ndays: 30'
    assert "function" in (await site.as_person("it", "POST", f"{at}/decisions", data=form)).text
    form["terms"] += "\nfunction: legal"
    assert (await site.as_person("it", "POST", f"{at}/decisions", data=form)).status_code == 303
    (decision,) = await site.services.meeting_decisions.find(meeting=meeting)
    assert decision.terms == {"person": "eva", "rights": ["veto"], "days": 30, "function": "legal"}
    for step in ("for", "withdraw"):
        ballot = {"decision": decision.id, "step": step, "text_revision": "1", "remark": "why not", "point": point.id}
        assert (await site.as_person("it", "POST", f"{at}/votes", data=ballot)).status_code == 303
    for step in ("discuss", "hold", "down", "let_go", "defer", "take_up"):
        moved = {"item": point.id, "step": step, "reason": "later", "point": point.id}
        assert (await site.as_person("it", "POST", f"{at}/points", data=moved)).status_code == 303, step
    assert (await site.as_person("owner", "POST", f"{at}/close", data={})).status_code == 403
    closed = await site.as_person("it", "POST", f"{at}/close", data={})
    assert closed.status_code == 303
    assert "why not" in (await site.as_person("auditor", "GET", f"{at}/minutes")).text
    assert (await site.as_person("auditor", "GET", f"{at}/minutes.md")).text.startswith("# Minutes of the GenAI Stream")
    assert (await site.as_person("auditor", "GET", "/stream/there-is-none")).status_code == 404


async def test_the_calendar_opens_with_a_token_and_nothing_else(site: Site) -> None:
    await site.as_person("it", "POST", "/stream/cadence", data=CADENCE)
    page = await site.as_person("legal", "POST", "/stream/feeds", data={})
    address = page.text.partition("/stream.ics?token=")[2].partition("<")[0]
    assert page.status_code in (200, 201), page.status_code
    site.client.cookies.clear()
    feed = await site.client.get(f"/stream.ics?token={address}")
    assert feed.headers["content-type"].startswith("text/calendar")
    assert len(Calendar.from_ical(feed.content).walk("VEVENT")) == 2
    for token in ("", "x", "y" * 100):
        assert (await site.client.get(f"/stream.ics?token={token}")).status_code == 404
    (kept,) = (await site.api("legal", "GET", "/meetings/feeds")).json()["feeds"]
    assert (await site.as_person("it", "POST", f"/stream/feeds/{kept['id']}/revoke", data={})).status_code == 404
    assert (await site.as_person("legal", "POST", f"/stream/feeds/{kept['id']}/revoke", data={})).status_code == 303
    assert (await site.client.get(f"/stream.ics?token={address}")).status_code == 404


async def test_a_calendar_that_was_revoked_locks_nobody_else_out(site: Site) -> None:
    page = await site.as_person("legal", "POST", "/stream/feeds", data={})
    token = page.text.partition("/stream.ics?token=")[2].partition("<")[0]
    site.client.cookies.clear()
    looks = [(await site.client.get("/stream.ics?token=revoked")).status_code for _ in range(FEED_MISSES_MAX + 1)]
    assert looks == [404] * FEED_MISSES_MAX + [429], "guessing is slowed down"
    assert (await site.client.get(f"/stream.ics?token={token}")).status_code == 200
    assert (await site.client.get("/rate/nothing")).status_code == 404, "rating links have a count of their own"


async def test_times_and_days_past_all_ends_are_refused(site: Site) -> None:
    for day in ("9999-12-31", "1999-12-31"):
        assert (
            await site.api("it", "POST", "/meetings/cadence", json={**CADENCE, "length_min": 60, "first_day": day})
        ).status_code == 400, day
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:00Z", "9999-12-31T23:59:00-14:00"):
        refused = await site.api("it", "POST", "/meetings", json={"starts_at": moment, "length_min": 60})
        assert refused.status_code == 400, moment


async def test_actions_by_hand(site: Site) -> None:
    due = site.services.database.clock.now().date()
    form = {"title": "write", "owner": "legal", "due": due.isoformat(), "use_case": OWN}
    assert (await site.as_person("auditor", "POST", "/stream/actions", data=form)).status_code == 403
    refused = await site.as_person("it", "POST", "/stream/actions", data={**form, "owner": "nobody"})
    assert (refused.status_code, 'value="write"' in refused.text) == (400, True)
    assert (await site.as_person("it", "POST", "/stream/actions", data=form)).status_code == 303
    (made,) = await site.services.stream_actions.find()
    assert (await site.as_person("it", "POST", f"/stream/actions/{made.id}/done", data={"result": "x"})).status_code == 403
    assert (await site.as_person("legal", "POST", f"/stream/actions/{made.id}/done", data={"result": "x"})).status_code == 303


async def test_whoever_follows_a_meeting_hears_of_changes_and_of_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulses, "POLL_S", 0.01)
    meeting, other = await opened(site), "another"
    watching = Pulses(site.services, site.live, poll_s=0.01)
    subscription = site.live.subscribe()
    with watching.following(meeting), watching.following(other):
        first = await subscription.next(10)
        assert first is not None
        await gathered(site, meeting)
        heard = await subscription.next(10)
        while heard is not None and heard["type"] != "meeting":
            heard = await subscription.next(10)
    assert (first, heard) == ({"type": "meeting", "meeting": meeting},) * 2
    site.live.unsubscribe(subscription)
    await asyncio.sleep(0)
    watching.close()
