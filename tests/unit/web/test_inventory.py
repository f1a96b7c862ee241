"""The inventory over HTTP and in the console: a scan is posted, findings are settled by who may, pages say what is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.unit.web.site import OWN, Site

from groundcrew.domain.inventory import fingerprint_of


def posted(*names: str, **more: Any) -> dict[str, Any]:
    findings = [
        {
            "source": "code",
            "service": "openai",
            "kind": "sdk_constructor",
            "severity": "high",
            "reason": "calls OpenAI without the gateway",
            "fingerprint": fingerprint_of(each),
            "path": f"src/{each}.py",
            "line": 3,
            "fragment": f"client = openai.OpenAI()  # <b>{each}</b>",
        }
        for each in names
    ]
    return {"source": "code", "root": "mails", "complete": True, "catalogue": "1", "findings": findings, **more}


async def test_a_build_posts_its_scan_and_people_settle_it(site: Site) -> None:
    assert (await site.api("auditor", "POST", "/findings/scans", json=posted("a"))).status_code == 403
    assert (await site.as_key("POST", "/findings/scans", json=posted("a"))).status_code == 403
    made = await site.api("reviewer", "POST", "/findings/scans", json=posted("a", "b"))
    assert made.status_code == 201, made.text
    assert len(made.json()["new"]) == 2
    assert made.json()["only_added"]
    emptied = await site.api("reviewer", "POST", "/findings/scans", json=posted())
    assert emptied.json()["gone"] == []
    keys = await site.api("owner", "POST", "/findings/scans", json=posted(source="keys"))
    assert keys.status_code == 400
    assert "looked at by itself" in keys.text
    wrong = posted("a")
    wrong["findings"][0]["kind"] = "odd"
    assert (await site.api("reviewer", "POST", "/findings/scans", json=wrong)).status_code == 400
    assert (await site.api("reviewer", "POST", "/findings/scans", json=posted(root=""))).status_code == 400
    found = (await site.api("auditor", "GET", "/findings?state=open&service=openai&source=code")).json()["findings"]
    assert [each["found"]["path"] for each in found] == ["src/a.py", "src/b.py"]
    one, two = (each["id"] for each in found)
    due = site.services.database.clock.now().date() + timedelta(days=5)
    body = {"owner": "petra", "deadline": f"{due}", "unit": "retail"}
    assert (await site.api("reviewer", "POST", f"/findings/{one}/assign", json=body)).status_code == 403
    assert (await site.api("owner", "POST", f"/findings/{one}/assign", json=body)).json()["state"] == "assigned"
    assert (await site.api("owner", "POST", "/findings/none/assign", json=body)).status_code == 404
    until = {"reason": "a spike", "until": f"{due}"}
    assert (await site.api("owner", "POST", f"/findings/{two}/accept", json=until)).json()["state"] == "accepted"
    assert (await site.api("owner", "POST", f"/findings/{two}/retire", json={"reason": "gone"})).status_code == 409
    assert (await site.api("owner", "POST", f"/findings/{two}/reopen", json={"reason": "no"})).json()["state"] == "open"
    assert (await site.api("owner", "POST", f"/findings/{two}/retire", json={"reason": "gone"})).json()["state"] == "retired"
    assert (await site.api("owner", "POST", f"/findings/{one}/register", json={"use_case": "none"})).status_code == 404
    registered = await site.api("owner", "POST", f"/findings/{one}/register", json={"use_case": OWN})
    assert registered.json()["use_case"] == OWN
    assert "kind: UseCase" in (await site.api("auditor", "GET", f"/findings/{one}/draft")).text
    assert (await site.api("auditor", "GET", f"/findings/{one}")).json()["state"] == "draft_registered"
    overview = (await site.api("auditor", "GET", "/findings/overview")).json()
    assert overview["states"] == {"draft_registered": 1, "retired": 1}
    assert (await site.api("auditor", "GET", "/findings?overdue=true")).json() == {"findings": []}


async def test_pages_say_what_is_known_and_forms_do_what_they_say(site: Site) -> None:
    empty = (await site.as_person("auditor", "GET", "/inventory")).text
    assert "Nothing was scanned yet" in empty
    recorded = await site.api("it", "POST", "/findings/scans", json=posted("a", "b"))
    one, two = recorded.json()["new"]
    page = (await site.as_person("auditor", "GET", "/inventory")).text
    assert "2 wait: 2 high" in page
    assert "mails" in page
    shown = (await site.as_person("auditor", "GET", f"/inventory/{one}")).text
    assert "no gate was passed" in shown
    assert "<b>a</b>" not in shown
    assert "Settle it" not in shown, "an auditor reads"
    assert "refuses the draft" in shown
    due = site.services.database.clock.now().date() + timedelta(days=5)
    path = f"/inventory/{one}"
    for role, step, form, status in (
        ("auditor", "assign", {"owner": "petra", "deadline": f"{due}"}, 403),
        ("owner", "assign", {"owner": "petra", "deadline": "soon"}, 400),
        ("owner", "assign", {"owner": "petra", "deadline": f"{due}", "unit": "retail"}, 303),
        ("owner", "register", {"use_case": "none"}, 404),
        ("owner", "register", {"use_case": OWN}, 303),
        ("owner", "retire", {"reason": "gone"}, 409),
        ("owner", "reopen", {"reason": "another one"}, 303),
        ("owner", "accept", {"reason": "a spike", "until": f"{due}"}, 303),
        ("owner", "reopen", {"reason": "over"}, 303),
        ("owner", "retire", {"reason": ""}, 400),
        ("owner", "retire", {"reason": "deleted"}, 303),
    ):
        answer = await site.as_person(role, "POST", f"{path}/{step}", data=form)
        assert answer.status_code == status, (step, form, answer.text[:300])
    assert "No scan has confirmed that yet" in (await site.as_person("auditor", "GET", path)).text
    await site.api("it", "POST", "/findings/scans", json=posted("b"))
    assert "A scan has confirmed that" in (await site.as_person("auditor", "GET", path)).text
    await site.as_person("owner", "POST", f"/inventory/{two}/assign", data={"owner": "luca", "deadline": f"{due}"})
    for query, words in (
        ("state=retired", "src/a.py"),
        ("owner=luca", "src/b.py"),
        ("owner=-", "Nothing fits the filter"),
        ("unit=-", "src/b.py"),
        ("service=groq", "Nothing fits the filter"),
        ("state=overdue", "Nothing fits the filter"),
        ("state=odd", "src/b.py"),
    ):
        assert words in (await site.as_person("auditor", "GET", f"/inventory?{query}")).text, query
    assert (await site.as_person("auditor", "GET", "/inventory/none")).status_code == 404
