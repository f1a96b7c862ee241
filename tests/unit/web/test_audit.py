"""The audit log, the context of a call and legal holds over HTTP and in the console: who sees what, and what forms do."""

from __future__ import annotations

from tests.unit.web.site import OWN, Site, basic


async def test_the_log_is_searched_in_the_api_and_the_console(site: Site) -> None:
    found = (await site.api("auditor", "GET", f"/audit?subject=use-case/&action=apply&limit=1&use_case={OWN}")).json()
    assert found["entries"][0]["subject"] == f"use-case/{OWN}"
    assert (await site.api("auditor", "GET", "/audit?since=2090-01-01T00:00:00Z")).json() == {"entries": [], "next_before": None}
    assert (await site.api("auditor", "GET", "/audit?since=yesterday")).status_code == 400
    page = (await site.as_person("auditor", "GET", f"/audit?subject=use-case/{OWN}&actor=&since=2020-01-01T00:00")).text
    assert f"use-case/{OWN}" in page
    wrong = await site.as_person("auditor", "GET", "/audit?until=tomorrow")
    assert (wrong.status_code, "is no time" in wrong.text) == (400, True)
    assert "Nothing is like that." in (await site.as_person("auditor", "GET", "/audit?text=%22nowhere%22")).text


async def test_numbers_and_times_past_all_ends_are_refused(site: Site) -> None:
    edge = "0001-01-01T00:00:00%2B14:00"
    for asked in (f"before={10**20}", f"since={edge}", "until=9999-12-31T23:59:59-14:00"):
        assert (await site.api("auditor", "GET", f"/audit?{asked}")).status_code == 400, asked
        assert (await site.as_person("auditor", "GET", f"/audit?{asked}")).status_code == 400, asked
    hold = {"matter": "m", "reason": "r", "use_cases": [OWN], "received_from": "0001-01-01T00:00:00+14:00"}
    refused = await site.api("legal", "POST", "/legal-holds", json=hold)
    assert (refused.status_code, "outside the years" in refused.text) == (400, True)


async def test_what_signs_the_log_is_published(site: Site) -> None:
    assert "Nothing is signed yet" in (await site.as_person("auditor", "GET", "/audit")).text
    assert (await site.api("auditor", "GET", "/audit/checkpoints")).json()["standing"]["signed_to"] == 0
    (made,) = await site.services.checkpoints.sign()
    listed = (await site.api("auditor", "GET", "/audit/checkpoints")).json()
    assert listed["checkpoints"][0]["sequence"] == listed["standing"]["signed_to"] == made.sequence
    (key,) = (await site.api("reviewer", "GET", "/audit/keys")).json()["keys"]
    page = (await site.as_person("auditor", "GET", "/audit")).text
    assert key["public_key"] in page
    lines = (await site.api("auditor", "GET", "/audit/checkpoints/export")).text.splitlines()
    assert len(lines) == 2
    assert (await site.api("auditor", "GET", "/audit/verifier")).text.startswith("#!/usr/bin/env python3")
    assert (await site.api("reviewer", "GET", "/audit/checkpoints")).status_code == 403


async def test_a_call_shows_what_it_rested_on(site: Site) -> None:
    found = (await site.api("reviewer", "GET", f"/calls/{site.call_id}/context")).json()
    assert {"record", "use case", "stage"} <= {each["part"] for each in found["facts"]}
    page = (await site.as_person("auditor", "GET", f"/calls/{site.call_id}/context")).text
    assert "What this call rested on" in page
    assert f"/calls/{site.call_id}/context" in (await site.as_person("auditor", "GET", f"/calls/{site.call_id}")).text
    assert (await site.as_key("GET", f"/calls/{site.call_id}/context")).status_code == 403
    assert (await site.api("auditor", "GET", "/calls/nothing/context")).status_code == 404


async def test_a_hold_is_placed_and_lifted_by_two(site: Site) -> None:
    form = {
        "matter": "Complaint 17",
        "reason": "a court asked",
        "use_cases": [OWN],
        "persons": "ann\nbob\n",
        "received_from": "2026-01-01T00:00",
    }
    assert (await site.as_person("admin", "POST", "/legal-holds", data=form)).status_code == 403
    wrong = await site.as_person("legal", "POST", "/legal-holds", data={**form, "received_from": "soon"})
    assert (wrong.status_code, "is no time" in wrong.text, "Complaint 17" in wrong.text) == (400, True, True)
    assert (await site.as_person("legal", "POST", "/legal-holds", data=form)).status_code == 303
    (hold,) = (await site.api("legal", "GET", f"/legal-holds?use_case={OWN}")).json()["legal_holds"]
    assert hold["persons"] == ["ann", "bob"]
    (told,) = (await site.api("reviewer", "GET", "/legal-holds")).json()["legal_holds"]
    assert (told["matter"], told["persons"]) == ("not shown", [])
    for path in ("/legal-holds", f"/use-cases/{OWN}"):
        assert "Complaint 17" in (await site.as_person("auditor", "GET", path)).text
        assert "Complaint 17" not in (await site.as_person("reviewer", "GET", path)).text
    path = f"/legal-holds/{hold['id']}"
    assert (await site.as_person("legal", "POST", f"{path}/lift", data={"reason": "settled"})).status_code == 409
    assert (await site.as_person("legal", "POST", f"{path}/request-lift", data={"reason": "settled"})).status_code == 303
    alone = await site.as_person("legal", "POST", f"{path}/lift", data={"reason": "settled"})
    assert (alone.status_code, "a second person of legal" in alone.text) == (403, True)
    await site.services.users.create("leo", "a long enough password", roles=("legal",), actor="user:admin")
    for step, state in (("keep", "active"), ("request-lift", "lift_requested")):
        assert (await site.api("legal", "POST", f"{path}/{step}", json={"reason": "so it is"})).json()["state"] == state
    headers = basic("leo", "a long enough password")
    lifted = await site.client.post(f"/api/v1{path}/lift", json={"reason": "read"}, headers=headers)
    assert (lifted.status_code, lifted.json()["lifted_by"]) == (201, "user:leo"), lifted.text
    body = {"matter": "m", "reason": "r", "received_until": "2026-01-01T00:00:00"}
    assert (await site.api("legal", "POST", "/legal-holds", json=body)).json()["received_until"] == "2026-01-01T00:00:00Z"
    assert (await site.services.audit.verify()).problems == ()
