"""Risk, controls and the technical file over the API and in the console."""

from __future__ import annotations

import re

from tests.unit.web.site import OWN, Site

from groundcrew.domain.questionnaire import questionnaire

RISK = f"/use-cases/{OWN}/risk"


def answer(question: str, said: str, reason: str = "it is so") -> dict[str, object]:
    return {"answers": [{"question": question, "answer": said, "reason": reason}]}


async def test_answers_over_the_api_raise_and_two_functions_lower(site: Site) -> None:
    known = (await site.api("auditor", "GET", "/risk-questionnaire")).json()
    assert known["version"] == questionnaire().version
    found = await site.api("owner", "POST", f"{RISK}/answers", json=answer("decides_credit", "yes"))
    assert (found.status_code, found.json()["assessment"]["tier"]) == (201, "high")
    assert (await site.api("auditor", "POST", f"{RISK}/answers", json=answer("decides_credit", "no"))).status_code == 403
    assert (await site.api("reviewer", "POST", f"{RISK}/answers", json=answer("decides_credit", "no"))).status_code == 403
    wrong = await site.api("owner", "POST", f"{RISK}/answers", json=answer("decides_credits", "no"))
    assert (wrong.status_code, "did you mean 'decides_credit'" in wrong.text) == (400, True)
    await site.api("owner", "POST", f"{RISK}/answers", json=answer("decides_credit", "no", "a mistake"))
    lowering = {"to": "limited", "function": "legal", "reason": "nothing is decided"}
    assert (await site.api("owner", "POST", f"{RISK}/lowerings", json=lowering)).status_code == 403
    assert (await site.api("admin", "POST", f"{RISK}/lowerings", json=lowering)).status_code == 403, "no role stands in"
    one = await site.api("legal", "POST", f"{RISK}/lowerings", json=lowering)
    assert (one.status_code, one.json()["state"]) == (201, "open")
    two = await site.api("ethics", "POST", f"{RISK}/lowerings", json={**lowering, "function": "ethics"})
    assert two.json()["state"] == "done"
    assert (await site.api("auditor", "GET", RISK)).json()["assessment"]["tier"] == "limited"
    assert [len(each["words"]) for each in (await site.api("auditor", "GET", f"{RISK}/lowerings")).json()["lowerings"]] == [2]
    assert len((await site.api("auditor", "GET", f"{RISK}/answers")).json()["answers"]) == 2


async def test_whoever_sees_it_may_raise_a_concern(site: Site) -> None:
    concern = {"question": "scrapes_faces", "reason": "it reads profile pictures"}
    assert (await site.api("auditor", "POST", f"{RISK}/concerns", json=concern)).status_code == 403
    raised = await site.api("reviewer", "POST", f"{RISK}/concerns", json=concern)
    assert (raised.status_code, raised.json()["assessment"]["tier"]) == (201, "prohibited")
    assert "risk tier prohibited" in (await site.as_person("reviewer", "GET", RISK)).text


async def test_controls_and_files_over_the_api(site: Site) -> None:
    keys = [each["key"] for each in (await site.api("auditor", "GET", "/frameworks")).json()["frameworks"]]
    assert "sr-11-7" in keys
    assert (await site.api("auditor", "GET", "/frameworks/nist-ai-rmf")).json()["title"].startswith("NIST")
    assert (await site.api("auditor", "GET", "/frameworks/nothing")).status_code == 404
    overview = (await site.api("auditor", "GET", "/controls")).json()
    assert (len(overview["rows"]), overview["pages"]) == (2, 1)
    one = (await site.api("auditor", "GET", f"/use-cases/{OWN}/controls?framework=iso-iec-42001")).json()["frameworks"]
    assert [sum(each["counts"].values()) for each in one] == [38]
    for form, kind in (("html", "text/html"), ("md", "text/markdown"), ("json", "application/json"), ("pdf", "application/pdf")):
        found = await site.api("auditor", "GET", f"/use-cases/{OWN}/technical-file?format={form}")
        assert (found.status_code, found.headers["content-type"].startswith(kind)) == (200, True)
        assert f"technical-file-{OWN}-" in found.headers["content-disposition"]
    assert (await site.api("auditor", "GET", f"/use-cases/{OWN}/technical-file?format=docx")).status_code == 400
    filed = await site.api("legal", "POST", f"/use-cases/{OWN}/technical-files", json={"reason": "for the auditor"})
    assert filed.status_code == 201
    kept = (await site.api("auditor", "GET", f"/technical-files/{filed.json()['id']}")).json()
    assert kept["sha256"] == filed.json()["sha256"]
    assert (await site.api("auditor", "POST", f"/use-cases/{OWN}/technical-files", json={"reason": "x"})).status_code == 403
    heads = (await site.api("auditor", "GET", f"/use-cases/{OWN}/technical-files")).json()["filings"]
    assert [each["id"] for each in heads] == [filed.json()["id"]]


async def test_a_section_is_answered_in_the_console(site: Site) -> None:
    page = await site.as_person("owner", "GET", RISK)
    assert page.status_code == 200
    assert page.text.count('type="radio"') == 3 * len(questionnaire().questions)
    assert 'name="reason"' not in (await site.as_person("auditor", "GET", RISK)).text, "an auditor reads"
    empty = await site.as_person("owner", "POST", RISK, data={"section": "education"})
    assert (empty.status_code, "nothing here differs" in empty.text) == (400, True)
    without = await site.as_person("owner", "POST", RISK, data={"section": "education", "none": "yes"})
    assert (without.status_code, "say why" in without.text) == (400, True)
    form = {"section": "education", "none": "yes", "reason": "no school uses it", "answer_grades_learning": "unknown"}
    taken = await site.as_person("owner", "POST", RISK, data=form)
    assert (taken.status_code, taken.headers["location"]) == (303, f"{RISK}?done=risk_answered#section-education")
    said = {each.question: each.answer for each in (await site.services.risks.sheets(OWN))[0].answers}
    assert said == {
        "decides_admission": "no",
        "grades_learning": "unknown",
        "sets_level_of_education": "no",
        "watches_tests": "no",
    }
    own = {
        "section": "services_and_benefits",
        "answer_decides_credit": "yes",
        "reason_decides_credit": "sets limits",
        "reason": "-",
    }
    assert (await site.as_person("owner", "POST", RISK, data=own)).status_code == 303
    shown = (await site.as_person("legal", "GET", RISK)).text
    assert re.search(r"owner.{0,80}said yes", shown, re.S)
    assert "sets limits" in shown
    assert (await site.as_person("owner", "POST", RISK, data={"section": "nothing"})).status_code == 400


async def test_lowering_and_concerns_in_the_console(site: Site) -> None:
    concern = {"question": "decides_credit", "reason": "it does"}
    assert (await site.as_person("reviewer", "POST", f"{RISK}/concerns", data=concern)).status_code == 303
    assert (await site.as_person("auditor", "POST", f"{RISK}/concerns", data=concern)).status_code == 403
    lowering = {"to": "limited", "function": "legal", "reason": "no"}
    refused = await site.as_person("legal", "POST", f"{RISK}/lower", data=lowering)
    assert (refused.status_code, "correct an answer first" in refused.text) == (409, True)
    await site.api("owner", "POST", f"{RISK}/answers", json=answer("decides_credit", "no"))
    assert "You hold neither" in (await site.as_person("owner", "GET", RISK)).text
    asked = await site.as_person("legal", "POST", f"{RISK}/lower", data=lowering)
    assert asked.headers["location"].endswith("done=risk_lowering_asked")
    assert "The other function has not spoken" in (await site.as_person("ethics", "GET", RISK)).text
    done = await site.as_person("ethics", "POST", f"{RISK}/lower", data={**lowering, "function": "ethics"})
    assert done.headers["location"].endswith("done=risk_lowered")


async def test_pages_of_controls_are_read_without_colour_and_files_are_filed(site: Site) -> None:
    page = await site.as_person("auditor", "GET", "/controls")
    assert page.status_code == 200
    assert "no statement of conformity" in page.text
    assert all(mark in page.text for mark in ("●", "◐", "○"))
    assert "retired" in page.text
    for key in ("eu-ai-act", "nist-ai-rmf", "nist-ai-600-1", "iso-iec-42001", "sr-11-7"):
        shown = await site.as_person("auditor", "GET", f"/use-cases/{OWN}/controls?framework={key}")
        assert (shown.status_code, "File it as it is now" in shown.text) == (200, False)
    assert (await site.as_person("auditor", "GET", f"/use-cases/{OWN}/controls?framework=nothing")).status_code == 404
    blank = await site.as_person("owner", "POST", f"/use-cases/{OWN}/technical-files", data={"reason": ""})
    assert blank.status_code == 400
    filed = await site.as_person("owner", "POST", f"/use-cases/{OWN}/technical-files", data={"reason": "for the file"})
    assert filed.status_code == 303
    listed = (await site.as_person("auditor", "GET", f"/use-cases/{OWN}/controls")).text
    found = re.search(r"/technical-files/([\w-]+)\?format=md", listed)
    assert found is not None
    kept = await site.as_person("auditor", "GET", f"/technical-files/{found.group(1)}?format=md")
    assert kept.text.startswith("# Technical file: Letters")
