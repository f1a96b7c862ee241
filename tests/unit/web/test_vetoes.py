"""Vetoes and authorities over the API and in the console: who files, who may not clear, and what pages say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.web.site import OWN, Site

from groundcrew.services import decision_effects
from groundcrew.store import catalog

GROUND = "It tells customers wrong fees"
FILING = {
    "use_case": OWN,
    "function": "ethics",
    "ground": GROUND,
    "explanation": "7 of 40 drafts name a fee that is in no article.",
    "need": "remediation",
    "conditions": [{"kind": "evidence_valid", "evidence": "attestation", "subject": "impact_assessment"}],
}


async def filed(site: Site, **changes: Any) -> dict[str, Any]:
    answer = await site.api("ethics", "POST", "/vetoes", json={**FILING, **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_veto_over_the_api(site: Site) -> None:
    for changes, field in (
        ({"ground": " "}, "ground"),
        ({"explanation": "no"}, "explanation"),
        ({"conditions": []}, "conditions"),
        ({"conditions": [{"kind": "luck"}]}, "conditions[0].kind"),
        ({"conditions": [{"kind": "version_changed", "more": 1}]}, "conditions[0].more"),
    ):
        answer = await site.api("ethics", "POST", "/vetoes", json={**FILING, **changes})
        assert (answer.status_code, answer.json().get("error", answer.json()).get("field")) == (400, field), answer.text
    for role in ("admin", "auditor", "owner", "it", "reviewer"):
        assert (await site.api(role, "POST", "/vetoes", json=FILING)).status_code == 403, role
    assert (await site.as_key("POST", "/vetoes", json=FILING)).status_code == 403
    veto = await filed(site)
    assert (veto["state"], veto["conditions"][0]["kind"]) == ("active", "evidence_valid")
    advance = await site.api("owner", "POST", f"/use-cases/{OWN}/advance", json={"to": "pilot", "reason": "now"})
    assert advance.status_code == 409
    assert GROUND in advance.text
    for role in ("admin", "owner", "it", "legal", "business", "reviewer", "on_call", "auditor"):
        for way in ("withdraw", "satisfied"):
            answer = await site.api(role, "POST", f"/vetoes/{veto['id']}/{way}", json={"reason": "it is to go on"})
            assert answer.status_code == 403, (role, way)
    assert (await site.as_key("POST", f"/vetoes/{veto['id']}/withdraw", json={"reason": "it is to go on"})).status_code == 403
    view = (await site.api("auditor", "GET", f"/vetoes/{veto['id']}")).json()
    assert (view["holders"], view["conditions"][0]["check"]["status"]) == (["ethics"], "not_met")
    checked = await site.api("reviewer", "POST", f"/vetoes/{veto['id']}/check")
    assert checked.status_code == 200
    early = await site.api("ethics", "POST", f"/vetoes/{veto['id']}/satisfied", json={"reason": "as good as met"})
    assert (early.status_code, "not satisfied yet" in early.text) == (409, True)
    later = (site.services.database.clock.now() + timedelta(days=30)).isoformat()
    reviewed = await site.api(
        "ethics", "POST", f"/vetoes/{veto['id']}/review", json={"text": "it stays for now", "review_at": later}
    )
    assert reviewed.status_code == 200
    noted = await site.api("on_call", "POST", f"/vetoes/{veto['id']}/notes", json={"text": "saw another one"})
    assert noted.status_code == 201
    ended = await site.api("ethics", "POST", f"/vetoes/{veto['id']}/withdraw", json={"reason": "it is put right"})
    assert ended.json()["state"] == "withdrawn"
    assert (await site.api("ethics", "GET", f"/vetoes?use_case={OWN}&active=true")).json() == {"vetoes": []}
    assert len((await site.api("ethics", "GET", "/vetoes")).json()["vetoes"]) == 1
    assert (await site.api("ethics", "GET", "/vetoes/none")).status_code == 404


async def test_a_veto_in_the_console(site: Site) -> None:
    empty = await site.as_person("ethics", "GET", "/vetoes")
    assert "No veto is active" in empty.text
    form = await site.as_person("ethics", "GET", f"/vetoes/new?use_case={OWN}")
    for text in ("What lifts it", "attestation: impact assessment", "A function approves", "none is open"):
        assert text in form.text
    assert "You speak for no function" in (await site.as_person("owner", "GET", f"/vetoes/new?use_case={OWN}")).text
    assert "Against which use case" in (await site.as_person("ethics", "GET", "/vetoes/new")).text
    fields = {
        "use_case": OWN,
        "function": "ethics",
        "ground": GROUND,
        "explanation": "7 of 40 drafts name a fee that is in no article.",
        "need": "remediation",
        "review_on": str(site.services.database.clock.now().date() + timedelta(days=20)),
        "evidence": "attestation:impact_assessment",
        "approval": "legal:pilot",
        "criterion": "pilot:champion",
        "version": "true",
    }
    for changes, words in (
        ({"ground": " "}, "ground: say it in at least 2 words"),
        ({"evidence": "", "approval": "", "criterion": "", "version": ""}, "name 1 to 10 conditions"),
        ({"metric": "stars", "value": "many"}, "value: expected a number"),
        ({"need": "funding"}, "requests: a need of funding names"),
    ):
        refused = await site.as_person("ethics", "POST", "/vetoes", data={k: v for k, v in {**fields, **changes}.items() if v})
        assert refused.status_code == 400, refused.text
        assert words in refused.text
        assert "7 of 40 drafts" in refused.text, "what was typed is still there"
    taken = await site.as_person("ethics", "POST", "/vetoes", data=fields)
    assert taken.status_code == 303, taken.text
    place = taken.headers["location"].partition("?")[0]
    page = await site.as_person("ethics", "GET", taken.headers["location"])
    for text in (
        GROUND,
        "holds the use case",
        "Legal approves the gate into pilot",
        "not met",
        "Withdraw it",
        "Looked at, it stays",
    ):
        assert text in page.text
    for role in ("admin", "owner", "legal", "auditor"):
        other = await site.as_person(role, "GET", place)
        assert "Withdraw it" not in other.text
        assert (await site.as_person(role, "POST", f"{place}/withdraw", data={"text": "it goes on"})).status_code == 403
    assert GROUND in (await site.as_person("owner", "GET", f"/use-cases/{OWN}")).text
    governance = await site.as_person("owner", "GET", f"/use-cases/{OWN}/governance")
    for text in ("1 active: it passes no gate", GROUND, "waits for"):
        assert text in governance.text
    assert (await site.as_person("auditor", "POST", f"{place}/check", data={})).status_code == 403
    assert (await site.as_person("owner", "POST", f"{place}/check", data={})).status_code == 303
    note = await site.as_person("legal", "POST", f"{place}/notes", data={"text": "<b>we</b> look into it"})
    assert note.status_code == 303
    assert "&lt;b&gt;we&lt;/b&gt;" in (await site.as_person("legal", "GET", place)).text
    assert (await site.as_person("ethics", "POST", f"{place}/withdraw", data={"text": "no"})).status_code == 400
    ended = await site.as_person("ethics", "POST", f"{place}/withdraw", data={"text": "it is put right"})
    assert ended.status_code == 303
    over = await site.as_person("ethics", "GET", "/vetoes")
    assert ("No veto is active" in over.text, "it is put right" in over.text) == (True, True)


async def test_authorities_and_deputies(site: Site) -> None:
    asked = {"person": "reviewer", "function": "legal", "rights": ["veto"], "reason": "knows the law of fees"}
    assert (await site.api("auditor", "POST", "/authorities/requests", json=asked)).status_code == 403
    made = (await site.api("reviewer", "POST", "/authorities/requests", json=asked)).json()
    assert "knows the law of fees" in (await site.as_person("owner", "GET", "/authorities")).text
    assert (await site.api("reviewer", "POST", "/vetoes", json={**FILING, "function": "legal"})).status_code == 403
    async with site.services.database.write("user:it") as writer:
        terms = {"person": "reviewer", "function": "legal", "rights": ["veto"], "days": 90, "request": made["id"]}
        await decision_effects.grant_authority(writer, decision="d1", terms=terms)
    assert (await site.api("it", "GET", "/authorities/requests")).json() == {"requests": []}
    (granted,) = (await site.api("it", "GET", "/authorities?live=true")).json()["authorities"]
    assert (granted["state"], granted["authority"]["decision"]) == ("live", "d1")
    veto = await site.api("reviewer", "POST", "/vetoes", json={**FILING, "function": "legal"})
    assert (veto.status_code, veto.json()["authority"]) == (201, granted["authority"]["id"])
    named = {"function": "legal", "people": ["legal"], "reason": "who else"}
    assert (await site.api("legal", "POST", "/authorities/deputies", json=named)).status_code == 403, "nobody names themselves"
    assert (await site.api("admin", "POST", "/authorities/deputies", json=named)).status_code == 403
    page = await site.as_person("legal", "POST", "/authorities/deputies", data={**named, "people": "nobody"})
    assert (page.status_code, "no account" in page.text) == (400, True)
    form = {
        "person": "owner",
        "function": "it",
        "rights": ["approve", "veto"],
        "scope": f"use_case:{OWN}",
        "reason": "built the mail",
    }
    sent = await site.as_person("owner", "POST", "/authorities/requests", data={**form, "days": "30"})
    assert sent.status_code == 303, sent.text
    waiting = (await site.api("owner", "GET", "/authorities/requests")).json()["requests"]
    assert (waiting[0]["rights"], waiting[0]["scope"]) == (["approve", "veto"], {"kind": "use_case", "name": OWN})
    off = await site.as_person("it", "POST", f"/authorities/requests/{waiting[0]['id']}/withdraw", data={"reason": "no"})
    assert off.status_code == 403
    off = await site.as_person("owner", "POST", f"/authorities/requests/{waiting[0]['id']}/withdraw", data={"reason": "no"})
    assert off.status_code == 303


@pytest.mark.parametrize("path", ["/vetoes", "/vetoes/new", "/authorities"])
async def test_pages_need_somebody(site: Site, path: str) -> None:
    site.client.cookies.clear()
    answer = await site.client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"].startswith("/sign-in")) == (303, True)


async def test_a_use_case_whose_calls_a_veto_stops_is_nowhere_called_running(site: Site) -> None:
    async with site.services.database.write("user:maria") as writer:
        use_case = await site.services.use_cases.get(OWN)
        await catalog.USE_CASES.put(writer, msgspec.structs.replace(use_case, stage="pilot", run_state="running"), "advance")
    pages = ("/", f"/use-cases/{OWN}", f"/use-cases/{OWN}/governance", f"/use-cases/{OWN}/risk")
    assert "calls stopped" not in (await site.as_person("reviewer", "GET", "/")).text
    veto = await filed(site, stops_calls=True, stop_reason="customers are told wrong fees")
    texts = {page: (await site.as_person("reviewer", "GET", page)).text for page in pages}
    for page in pages[:2]:
        assert "calls stopped" in texts[page], page
    for page in pages[1:]:
        assert "Calls are stopped as well." in texts[page], page
        assert f'href="/vetoes/{veto["id"]}"' in texts[page], page
