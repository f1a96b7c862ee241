"""Spot checks and the trust of a use case, through the API and the pages: blind, for qualified persons, never for keys."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio
from tests.unit.web.site import OTHER, OWN, Site, call
from tests.unit.web.test_pages import HOSTILE, assert_harmless, hostile_call

from groundcrew.domain.call import Call, SourceReference
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.services import declarations
from groundcrew.services.lookups import current_digest

CHECKED = """
kind: UseCase
name: notes
title: Notes
owner: maria@bank.example
champion: luca@bank.example
business_unit: service
purpose: Answer notes
affected_persons: customers
solution: product
autonomy: assist
data_classes: [internal]
model: writer
grounding: {knowledge: rules, below: refuse, spot_checks: {share: 1}, guarantee: {unsupported_max: 0.05}}
"""
ANSWER = "A card costs CHF 20. It arrives on Mars."
CLAIMS = (
    ClaimScore(start=0, end=20, support=0.97, source=0, quote=(0, 20)),
    ClaimScore(start=21, end=40, support=0.02, reasons=("no passage says so",)),
)
REPORT = TrustReport(trust=0.4321, state="unsupported", claims=CLAIMS, unsupported=((21, 40),), verifier="v1")
SOURCE = SourceReference(passage_id="p1", document="cards.md", title="Cards", text="A card costs CHF 20 a year.")


@pytest_asyncio.fixture
async def checked(site: Site, tmp_path: Path) -> Site:
    """The site with a use case whose answers are all drawn."""
    path = tmp_path / "notes.yaml"
    path.write_text(CHECKED, encoding="utf-8")
    await site.services.registry.apply(declarations.load([path]), actor="user:test")
    return site


async def drawn(site: Site, **fields: object) -> Call:
    async with site.services.database.read() as connection:
        digest = await current_digest(connection, await site.services.use_cases.get("notes"))
    values = {"answer": ANSWER, "trust": REPORT, "sources": (SOURCE,), "use_case": "notes", "version_digest": digest}
    made = call(**{**values, **fields})
    await site.services.calls.ship([made], gateway="test")
    return made


async def test_a_person_takes_judges_and_reads_through_the_api(checked: Site) -> None:
    made = await drawn(checked)
    taken = (await checked.api("reviewer", "POST", "/use-cases/notes/labels/next")).json()
    task = taken["task"]
    assert (task["call_id"], task["answer"], task["claims"][0]["quote"]) == (made.id, ANSWER, [0, 20])
    assert not {"trust", "raw", "support"} & {*task, *task["claims"][0]}, "judged blind"
    path = f"/labels/{made.id}"
    body = {"supported": False, "claims": [{"start": 21, "end": 40, "supported": False}], "reason": "Mars"}
    said = await checked.api("reviewer", "POST", path, json=body)
    assert (said.status_code, said.json()["labeller"], said.json()["probability"]) == (200, "reviewer", 1.0)
    assert (await checked.api("reviewer", "POST", path, json=body)).json()["id"] == said.json()["id"]
    wrong = await checked.api("reviewer", "POST", path, json={**body, "supported": True})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "supported")
    assert (await checked.api("reviewer", "POST", "/use-cases/notes/labels/next")).json()["task"] is None
    listed = (await checked.api("auditor", "GET", "/labels", params={"use_case": "notes"})).json()["labels"]
    assert [each["supported"] for each in listed] == [False]
    view = (await checked.api("auditor", "GET", "/use-cases/notes/trust")).json()
    assert (view["judged"], view["origins"]["spot_check"], view["rule"]["guarantee"]) == (1, 1, None)
    few = await checked.api("reviewer", "POST", "/use-cases/notes/recalibrate")
    assert (few.status_code, few.json()["error"]["code"]) == (409, "conflict")


async def test_keys_and_those_who_only_look_do_not_judge(checked: Site) -> None:
    made = await drawn(checked)
    for path in (f"/labels/{made.id}", "/use-cases/notes/labels/next", "/use-cases/notes/recalibrate"):
        body = {"json": {"supported": True}} if path.startswith("/labels") else {}
        assert (await checked.as_key("POST", path, use_case=OTHER, **body)).status_code == 403
        assert (await checked.api("auditor", "POST", path, **body)).status_code == 403
    assert (await checked.api("owner", "POST", f"/labels/{made.id}", json={"supported": True})).status_code == 403


async def test_pages_lead_from_the_queue_to_the_next_answer(checked: Site) -> None:
    first, second = await drawn(checked), await drawn(checked)
    queue = (await checked.as_person("reviewer", "GET", "/spot-checks/notes")).text
    assert "Take the next answer" in queue
    assert "Take the next answer" not in (await checked.as_person("auditor", "GET", "/spot-checks/notes")).text
    assert "Notes" in (await checked.as_person("auditor", "GET", "/spot-checks")).text
    taken = await checked.as_person("reviewer", "POST", "/spot-checks/notes/next", data={})
    where = taken.headers["location"]
    assert where.rpartition("/")[2] in (first.id, second.id)
    page = (await checked.as_person("reviewer", "GET", where)).text
    assert "It arrives on Mars." in page
    assert not any(word in page for word in ("0.43", "0.97", "no passage says so")), "the score does not judge for them"
    again = await checked.as_person("reviewer", "POST", where, data={"supported": "skip"})
    assert (again.status_code, "say why" in again.text) == (400, True)
    done = await checked.as_person("reviewer", "POST", where, data={"supported": "no", "claims": "2", "reason": ""})
    assert done.headers["location"].startswith("/spot-checks/notes/")
    (label,) = await checked.services.labels.of_call(where.rpartition("/")[2])
    assert [(each.start, each.end, each.supported) for each in label.claims] == [(21, 40, False)]
    assert "checked" in (await checked.as_person("reviewer", "GET", where)).text, "and may be said otherwise"
    last = await checked.as_person("reviewer", "POST", done.headers["location"].partition("?")[0], data={"supported": "yes"})
    assert last.headers["location"] == "/spot-checks/notes?done=worked"
    assert (await checked.as_person("reviewer", "POST", where, data={"supported": "no", "claims": "9"})).status_code == 400
    assert (await checked.as_person("auditor", "GET", where)).status_code == 403


async def test_the_trust_page_says_where_it_stands_and_what_to_do(checked: Site) -> None:
    empty = (await checked.as_person("auditor", "GET", "/use-cases/notes/trust")).text
    assert "Nothing is released on trust" in empty
    assert "Judge the drawn answers" in empty
    assert "None is declared" in (await checked.as_person("auditor", "GET", f"/use-cases/{OWN}/trust")).text
    assert "no grounding" in (await checked.as_person("auditor", "GET", f"/use-cases/{OTHER}/trust")).text
    for each in range(24):
        made = await drawn(checked)
        body = {"supported": bool(each % 3), "reason": ""}
        assert (await checked.api("reviewer", "POST", f"/labels/{made.id}", json=body)).status_code == 200
    assert (await checked.as_person("auditor", "POST", "/use-cases/notes/recalibrate", data={})).status_code == 403
    fitted = await checked.as_person("reviewer", "POST", "/use-cases/notes/recalibrate", data={})
    assert fitted.headers["location"] == "/use-cases/notes/trust?done=recalibrated"
    page = (await checked.as_person("auditor", "GET", "/use-cases/notes/trust")).text
    assert "fitted on 24 labels by user:reviewer" in page
    assert 'class="curve"' in page
    assert "Calibration error" in page
    assert "/use-cases/notes/trust" in (await checked.as_person("auditor", "GET", "/use-cases/notes")).text


async def test_a_signer_and_a_rater_are_asked(checked: Site) -> None:
    page = (await checked.as_person("reviewer", "GET", f"/sign-offs/{checked.sign_off_id}")).text
    assert "Do the sources support every claim of the draft?" in page
    made = await drawn(checked)
    assert "Do the sources support every claim of it?" in (await checked.as_person("reviewer", "GET", f"/calls/{made.id}")).text
    rated = await checked.as_person("reviewer", "POST", f"/calls/{made.id}/rate", data={"stars": "2", "grounded": "no"})
    assert rated.status_code == 303
    (label,) = await checked.services.labels.find("notes")
    assert (label.origin, label.supported, label.probability) == ("rating", False, None)


async def test_hostile_texts_are_only_text_here_too(checked: Site) -> None:
    shown = hostile_call(use_case="notes", status="answered", withheld_answer="", withheld_trust=None, guards=())
    async with checked.services.database.read() as connection:
        digest = await current_digest(connection, await checked.services.use_cases.get("notes"))
    await checked.services.calls.ship([call(**{**_fields(shown), "version_digest": digest})], gateway="test")
    taken = await checked.as_person("reviewer", "POST", "/spot-checks/notes/next", data={})
    where = taken.headers["location"]
    assert_harmless((await checked.as_person("reviewer", "GET", where)).text)
    await checked.as_person("reviewer", "POST", where, data={"supported": "no", "reason": HOSTILE})
    for path in ("/spot-checks/notes", "/use-cases/notes/trust", where):
        assert_harmless((await checked.as_person("reviewer", "GET", path)).text)


def _fields(made: object) -> dict[str, object]:
    assert isinstance(made, Call)
    return {name: getattr(made, name) for name in made.__struct_fields__}
