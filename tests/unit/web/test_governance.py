"""The console and the API around gates: approvals, ramp, certification, return, policies, reports."""

from __future__ import annotations

import pytest
from tests.unit.web.site import OWN, Site

BASE = f"/use-cases/{OWN}"


async def test_the_page_shows_what_there_is_and_what_is_not(site: Site) -> None:
    page = (await site.as_person("auditor", "GET", f"{BASE}/governance")).text
    for words in (
        "not asked",
        "Stages are certified from pilot on",
        "It begins at 5 %",
        "declare economics",
        "None yet: keep one",
    ):
        assert words in page, words
    assert "Say its word" not in page, "an auditor only looks"
    own = (await site.as_person("owner", "GET", BASE)).text
    assert f'hx-get="{BASE}/standing"' in own
    assert f'href="{BASE}/governance"' in own
    assert "declare economics" in (await site.as_person("auditor", "GET", f"{BASE}/standing")).text


async def test_approvals_through_the_console(site: Site) -> None:
    asked = await site.as_person("owner", "POST", f"{BASE}/approvals", data={})
    assert asked.status_code == 303, asked.text
    found = (await site.services.approvals.find(OWN))[2]
    assert found.approval.function == "legal"
    data = {"approval": found.approval.id, "decision": "approved", "statement": "Contract covers it."}
    for who, forms in (("legal", 1), ("admin", 0), ("owner", 0)):
        shown = (await site.as_person(who, "GET", f"{BASE}/governance")).text
        assert shown.count("Say its word") == forms, "one's own function alone"
        assert shown.count('<option value="">Choose…</option>') == forms, "nothing is chosen beforehand"
    path = f"{BASE}/approvals/decide"
    assert (await site.as_person("admin", "POST", path, data=data)).status_code == 403, "no administrator stands in"
    wrong = await site.as_person("ethics", "POST", path, data=data)
    assert (wrong.status_code, "does not hold the function legal" in wrong.text) == (403, True)
    assert (await site.as_person("legal", "POST", path, data={**data, "statement": ""})).status_code == 400
    assert (await site.as_person("legal", "POST", path, data=data)).status_code == 303
    page = (await site.as_person("auditor", "GET", f"{BASE}/governance")).text
    assert "Contract covers it." in page
    answer = await site.api("auditor", "GET", f"/approvals?use_case={OWN}")
    assert [each["state"] for each in answer.json()["approvals"]] == ["pending", "pending", "approved", "pending"]


@pytest.mark.parametrize("form", ["html", "pdf", "json"])
async def test_a_kept_evaluation_is_downloaded(site: Site, form: str) -> None:
    made = (await site.api("owner", "POST", f"{BASE}/gate")).json()
    assert len(made["snapshot"]) == 64
    for path in (f"{BASE}/evaluations/{made['id']}/report", f"/api/v1/gate-evaluations/{made['id']}/report"):
        answer = await site.as_person("auditor", "GET", f"{path}?format={form}")
        assert answer.status_code == 200, answer.text
        assert f'.{form}"' in answer.headers["content-disposition"]
        assert answer.content.startswith({"html": b"<!doctype html>", "pdf": b"%PDF", "json": b"{"}[form])
    other = await site.as_person("auditor", "GET", f"/use-cases/minutes/evaluations/{made['id']}/report")
    assert other.status_code == 404


async def test_what_can_not_be_done_says_why(site: Site) -> None:
    assert (await site.as_person("owner", "POST", f"{BASE}/ramp", data={"to": "25", "reason": "go"})).status_code == 409
    assert (await site.as_person("owner", "POST", f"{BASE}/recertify", data={})).status_code == 409
    assert (await site.api("owner", "POST", f"{BASE}/ramp", json={"reason": "go", "to": 400})).status_code == 400
    assert (await site.api("owner", "GET", f"{BASE}/ramp")).json()["ramp"] is None
    assert (await site.api("owner", "GET", f"{BASE}/certification")).json() == {"certification": None}
    assert "declare economics" in (await site.api("owner", "GET", f"{BASE}/return")).json()["missing"]


async def test_no_body_moves_a_stage_or_publishes_what_it_likes(site: Site) -> None:
    empty = {"stage": "pilot", "criteria": []}
    assert (await site.api("owner", "POST", "/gate-policies", json=empty)).status_code == 403
    assert (await site.api("admin", "POST", "/gate-policies", json=empty)).status_code == 400, "looser, and no reason"
    for more in ({"version": 1}, {"state": "published"}, {"reason": 3}):
        assert (await site.api("admin", "POST", "/gate-policies", json={**empty, **more})).status_code == 400
    difference = (await site.api("auditor", "POST", "/gate-policies/difference", json=empty)).json()["differences"][0]
    assert "it asks for nothing, and an empty policy denies" in difference["notes"]
    made = await site.api("admin", "POST", "/gate-policies", json={**empty, "reason": "to see"})
    assert (made.status_code, made.json()["published"][0]["version"]) == (201, 5)
    for body in ({"to": "pilot", "reason": "x"}, {"to": "scale", "reason": "x"}, {"to": "pilot", "reason": "x", "force": True}):
        assert (await site.api("admin", "POST", f"{BASE}/advance", json=body)).status_code in (400, 409)
    for method in ("PUT", "PATCH", "DELETE"):
        assert (await site.api("admin", method, f"{BASE}", json={"stage": "scale"})).status_code == 405
    assert (await site.services.use_cases.get(OWN)).stage == "discovery"
    assert (await site.as_key("POST", f"{BASE}/ramp", json={"reason": "x"})).status_code == 403
