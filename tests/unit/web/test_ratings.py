"""Ratings through API and pages: the queue for people, blind and by keyboard; files of outcomes; the page of a signed link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.web.site import OTHER, OWN, Site, call
from tests.unit.web.test_pages import HOSTILE, assert_harmless

from groundcrew.services import outcome_import
from groundcrew.services.job_runner import run
from groundcrew.services.lookups import current_digest
from groundcrew.web.console.rating_link import ANSWERS_MAX, MISSES_MAX


async def shown(site: Site, **fields: object) -> str:
    """A recorded call of the current version."""
    async with site.services.database.read() as connection:
        digest = await current_digest(connection, await site.services.use_cases.get(OWN))
    made = call(**{"version_digest": digest, "use_case": OWN, **fields})
    await site.services.calls.ship([made], gateway="test")
    return made.id


async def test_people_take_rate_and_pass_on_through_the_api(site: Site) -> None:
    ids = [await shown(site), await shown(site)]
    put = await site.as_key("POST", "/rating-queue", json={"call_ids": ids, "raters": 1})
    assert (put.status_code, put.json()["put_up"]) == (200, 2)
    assert (await site.as_key("POST", "/rating-queue", use_case=OTHER, json={"call_ids": ids})).status_code == 404
    taken = (await site.api("reviewer", "POST", f"/rating-queue/{OWN}/next")).json()
    task = taken["task"]
    assert set(task) == {"call_id", "use_case", "question", "answer", "sources", "until"}, "rated blind"
    assert taken["queue"]["yours"] == 2
    path = f"/rating-queue/calls/{task['call_id']}"
    rated = await site.api("reviewer", "POST", path, json={"stars": 4, "critical_harm": False})
    assert (rated.status_code, rated.json()["origin"], rated.json()["rater"]) == (200, "queue", "reviewer")
    assert (await site.api("reviewer", "POST", path, json={"stars": 5})).status_code == 409
    other = (await site.api("reviewer", "POST", f"/rating-queue/{OWN}/next")).json()["task"]["call_id"]
    passed = await site.api("reviewer", "POST", f"/rating-queue/calls/{other}/skip", json={"reason": "in Romansh"})
    assert (passed.status_code, passed.json()["reason"]) == (200, "in Romansh")
    state = (await site.api("auditor", "GET", "/rating-queue", params={"use_case": OWN})).json()
    assert (state["put_up"], state["complete"], state["skipped"]) == (2, 1, 1)
    assert (await site.as_key("POST", f"/rating-queue/{OWN}/next")).status_code == 403
    assert (await site.api("auditor", "POST", f"/rating-queue/{OWN}/next")).status_code == 403


async def test_the_page_works_without_a_script_and_goes_on(site: Site) -> None:
    base = f"/use-cases/{OWN}/ratings"

    async def look(path: str) -> str:
        page = await site.as_person("reviewer", "GET", path)
        assert page.status_code == 200
        return str(page.text)

    assert "Nothing is put up" in await look(base)
    ids = [await shown(site, request=HOSTILE, answer=HOSTILE) for _ in range(2)]
    put = await site.as_person("reviewer", "POST", f"{base}/put-up", data={"newest": "2"})
    assert put.headers["location"] == f"{base}?done=put_up"
    went = (await site.as_person("reviewer", "POST", f"{base}/next", data={})).headers["location"]
    task = await look(went)
    assert_harmless(task)
    bad = await site.as_person("reviewer", "POST", went, data={})
    assert (bad.status_code, "stars go from 1 to 5" in bad.text) == (400, True)
    form = {"stars": "5", "critical_harm": "no", "act": "rate"}
    following = (await site.as_person("reviewer", "POST", went, data=form)).headers["location"].partition("?")[0]
    assert following not in (went, base)
    last = await site.as_person("reviewer", "POST", following, data={"act": "skip", "reason": "odd"})
    assert last.headers["location"] == f"{base}?done=passed_on"
    assert (await site.as_person("reviewer", "POST", went, data=form)).status_code == 409
    assert OWN in await look("/ratings")
    assert {each.call_id for each in await site.services.feedback.ratings(OWN)} < set(ids)


async def test_the_page_of_a_use_case_keeps_a_blind_raters_word_from_the_others(site: Site) -> None:
    made = await shown(site)
    put = await site.as_person("reviewer", "POST", f"/use-cases/{OWN}/ratings/put-up", data={"newest": "1"})
    assert put.status_code == 303
    await site.as_person("reviewer", "POST", f"/use-cases/{OWN}/ratings/next", data={})
    form = {"stars": "2", "comment": "Too curt for a customer.", "act": "rate"}
    assert (await site.as_person("reviewer", "POST", f"/use-cases/{OWN}/ratings/{made}", data=form)).status_code == 303
    for role, seen in (("reviewer", True), ("auditor", False), ("business", False)):
        page = (await site.as_person(role, "GET", f"/use-cases/{OWN}")).text
        assert ("Too curt for a customer." in page) is seen, role
        assert ("1 of the newest ratings are left out" in page) is not seen, role


async def test_a_link_is_answered_without_an_account(site: Site) -> None:
    made = await site.as_key("POST", "/rating-links", json={"call_id": site.call_id})
    assert made.status_code == 201
    path = re.sub(r"^https?://[^/]+", "", made.json()["url"])
    assert path.startswith("/rate/")
    assert (await site.as_key("POST", "/rating-links", use_case=OTHER, json={"call_id": site.call_id})).status_code == 404
    client = site.client
    for _ in range(3):
        page = await client.get(path)
    assert (page.status_code, page.headers["referrer-policy"], "set-cookie" in page.headers) == (200, "no-referrer", False)
    assert "Letters take two days" not in page.text, "what was answered is not shown to whoever has the link"
    assert await site.services.feedback.ratings(OWN) == []
    assert (await client.post(path, data={})).status_code == 400
    assert (await client.post(path, data={"stars": "9"})).status_code == 400
    thanks = await client.post(path, data={"stars": "4", "comment": ""})
    assert (thanks.status_code, "Thank you" in thanks.text) == (200, True)
    await client.post(path, data={"stars": "5"})
    found = await site.services.feedback.ratings(OWN)
    assert [each.stars for each in found] == [5, 4]
    assert len({each.rater for each in found}) == 1
    for _ in range(ANSWERS_MAX):
        answered = await client.post(path, data={"stars": "5"})
    assert answered.status_code == 429
    assert (await client.get(path)).status_code == 200


async def test_links_that_do_not_work_say_so_and_guessing_is_slowed(site: Site) -> None:
    client = site.client
    assert (await client.get("/rate/abc")).status_code == 404
    for _ in range(MISSES_MAX):
        last = await client.get("/rate/a.b.c")
    assert (last.status_code, int(last.headers["retry-after"]) > 0) == (429, True)


async def test_a_file_of_outcomes_is_imported_by_a_key(site: Site, tmp_path: Path) -> None:
    content = b"metric,value,case_id\nm,1,c-1\nm,2,c-2\n"
    headers = {"content-type": "text/csv"}
    asked = await site.as_key("POST", "/outcomes/file", content=content, headers=headers)
    assert asked.status_code == 202
    job = asked.json()["id"]
    task = await site.services.jobs.claim([outcome_import.KIND], job_id=job)
    assert task is not None
    await run(site.services, task)
    view = (await site.as_key("GET", f"/outcomes/imports/{job}")).json()
    assert (view["phase"], view["job"]["result"]["recorded"]) == ("done", 2)
    assert (await site.as_key("GET", f"/outcomes/imports/{job}", use_case=OTHER)).status_code == 404
    assert (await site.as_key("POST", "/outcomes/file", content=b"x", headers={"content-type": "image/png"})).status_code == 415
    other = await site.as_key(
        "POST", "/outcomes/file", use_case=OTHER, params={"use_case": OWN}, content=content, headers=headers
    )
    assert other.status_code == 404
    assert sorted(each.value for each in await site.services.feedback.outcomes(OWN)) == [1, 2]


@pytest.mark.parametrize("path", ["/ratings", f"/use-cases/{OWN}/ratings"])
async def test_pages_are_for_who_is_signed_in(site: Site, path: str) -> None:
    site.client.cookies.clear()
    answered = await site.client.get(path, follow_redirects=False)
    assert answered.headers["location"].startswith("/sign-in")
