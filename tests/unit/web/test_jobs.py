"""Jobs and the quality of knowledge over HTTP: asked for, followed, settled; hostile names stay text, no other file is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.unit.services.bank import finding
from tests.unit.web.site import OWN, Site, call
from tests.unit.web.test_pages import HOSTILE, assert_harmless

from groundcrew.domain.knowledge_quality import FINDING_KINDS, Quote
from groundcrew.domain.trust import TrustReport
from groundcrew.jobs.worker import JobWorker
from groundcrew.services.job_files import UPLOAD_BYTES_MAX
from groundcrew.store import catalog

BASE = "rules"
ROWS = [
    {"id": "a", "sources": ["Letters take two days."], "answer": "Letters take two days."},
    {"id": "b", "sources": ["Letters take two days."], "answer": "Letters take nine days."},
]
JSONL = {"content-type": "application/jsonl"}


async def upload(site: Site, content: bytes, **headers: str) -> Any:
    return await site.api("business", "POST", "/files", content=content, headers=JSONL | headers)


async def ask(site: Site, name: str) -> Any:
    return await site.api("business", "POST", "/jobs/score-file", json={"input": name})


async def test_a_file_is_uploaded_scored_and_fetched(site: Site) -> None:
    content = b"\n".join([*(json.dumps(row).encode() for row in ROWS), b"{}"])
    stored = await upload(site, content)
    assert stored.status_code == 201
    asked = await ask(site, stored.json()["file"])
    assert asked.status_code == 202
    job_id = asked.json()["id"]
    assert (await site.api("auditor", "GET", f"/jobs/{job_id}/result")).status_code == 409
    waiting = await site.as_person("business", "GET", f"/jobs/{job_id}")
    assert "Cancel the job" in waiting.text
    assert "Cancel the job" not in (await site.as_person("auditor", "GET", f"/jobs/{job_id}")).text
    await JobWorker(site.services).drain()
    view = (await site.api("auditor", "GET", f"/jobs/{job_id}")).json()
    assert (view["phase"], view["progress"]["done"], view["progress"]["failed"]) == ("done", 3, 1)
    assert view["job"]["failures"] == [{"row": "line 3", "reason": "id: is missing"}]
    for path in (f"/api/v1/jobs/{job_id}/result", f"/jobs/{job_id}/result"):
        fetched = await site.as_person("auditor", "GET", path)
        assert [json.loads(line)["id"] for line in fetched.text.splitlines()] == ["a", "b"]
        assert fetched.headers["content-disposition"] == f'attachment; filename="{job_id}.jsonl"'
    page = (await site.as_person("auditor", "GET", f"/jobs/{job_id}")).text
    assert all(text in page for text in ("Score a file of answers", "line 3", "id: is missing", "Download"))
    assert "business" in (await site.as_person("auditor", "GET", "/jobs")).text


async def test_only_files_of_the_folder(site: Site, tmp_path: Path) -> None:
    (tmp_path / "outside.jsonl").write_text("{}")
    for name in ("../groundcrew.db", "/etc/passwd", "inputs/../../outside.jsonl", ".place", "a\\b"):
        answer = await ask(site, name)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, "input"), name
    assert (await ask(site, "inputs/none.jsonl")).status_code == 404
    assert (await site.api("auditor", "GET", "/jobs")).json() == {"jobs": []}


async def test_uploads_say_what_they_are_and_are_bounded(site: Site) -> None:
    assert (await site.api("business", "POST", "/files", content=b"{}", headers={"content-type": "text/html"})).status_code == 415
    assert (await upload(site, b"")).status_code == 400
    assert (await upload(site, b"{}", **{"content-length": str(UPLOAD_BYTES_MAX + 1)})).status_code in (400, 413)
    assert (await site.api("auditor", "POST", "/files", content=b"{}", headers=JSONL)).status_code == 403


async def test_cancelling_and_what_has_ended(site: Site) -> None:
    job = await site.services.rescoring.submit(OWN, actor=f"user:{HOSTILE}")
    assert_harmless((await site.as_person("auditor", "GET", "/jobs")).text)
    assert_harmless((await site.as_person("auditor", "GET", f"/jobs/{job.id}")).text)
    done = await site.as_person("it", "POST", f"/jobs/{job.id}/cancel", data={"reason": HOSTILE})
    assert (done.status_code, done.headers["location"]) == (303, f"/jobs/{job.id}?done=cancelled")
    page = await site.as_person("it", "GET", f"/jobs/{job.id}")
    assert "cancelled by user:it" in page.text
    assert_harmless(page.text)
    assert (await site.api("it", "POST", f"/jobs/{job.id}/cancel", json={"reason": ""})).status_code == 409
    assert (await site.as_person("it", "POST", f"/jobs/{job.id}/cancel", data={})).status_code == 409


async def test_calls_are_scored_again(site: Site) -> None:
    scored = call(answer="Letters take two days.", trust=TrustReport(trust=0.9, state="supported"))
    await site.services.calls.ship([scored], gateway="test")
    asked = await site.api("owner", "POST", "/jobs/rescore-calls", json={"use_case": OWN, "limit": 100})
    assert asked.status_code == 202
    await JobWorker(site.services).drain()
    report = (await site.api("auditor", "GET", f"/jobs/{asked.json()['id']}")).json()["job"]["result"]["report"]
    assert (report["n"], report["fell"]) == (1, 1), "it had no source"
    later = (await site.api("auditor", "GET", f"/calls/{scored.id}/rescored")).json()["rescored"]
    assert [each["report"]["state"] for each in later] == ["no_sources"]
    page = (await site.as_person("auditor", "GET", f"/jobs/{asked.json()['id']}")).text
    assert "Fell below the threshold" in page
    assert scored.id[-12:] in page
    for body in ({"use_case": OWN, "limit": 0}, {"use_case": OWN, "verifier": "none"}):
        assert (await site.api("owner", "POST", "/jobs/rescore-calls", json=body)).status_code == 400
    assert (await site.api("owner", "POST", "/jobs/rescore-calls", json={"use_case": "nothing"})).status_code == 404


async def test_empty_states_say_what_is_not_known(site: Site) -> None:
    assert "None yet." in (await site.as_person("auditor", "GET", "/jobs")).text
    page = await site.as_person("owner", "GET", f"/knowledge/{BASE}/quality")
    assert "nothing is known about its quality" in page.text
    refused = await site.as_person("owner", "POST", f"/knowledge/{BASE}/quality", data={})
    assert (refused.status_code, "no revision of rules serves" in refused.text) == (409, True)
    assert (await site.as_person("owner", "GET", "/knowledge/nothing/quality")).status_code == 404


async def test_findings_are_shown_and_settled(site: Site, tmp_path: Path) -> None:
    (tmp_path / "letters.md").write_text(
        "# Letters\n\nLetters take two days.\n\n# Parcels\n\nThe rate is valid until 31.12.2025.\n"
    )
    revision = await site.services.knowledge.add(BASE, [tmp_path / "letters.md"], actor="user:owner")
    await site.services.knowledge.approve(BASE, revision.id, actor="user:owner")
    async with site.services.database.write("user:test") as writer:
        for kind in FINDING_KINDS:
            texts: dict[str, Any] = {"title": HOSTILE, "owner": HOSTILE, "questions": (HOSTILE, HOSTILE), "calls": (HOSTILE,)}
            quote = Quote(text=HOSTILE, document=HOSTILE, title=HOSTILE, heading=HOSTILE)
            planted = finding(id=f"{BASE}.{kind}", knowledge_base=BASE, kind=kind, quotes=(quote,), **texts)
            await catalog.FINDINGS.put(writer, planted, "find")
    asked = await site.as_person("owner", "POST", f"/knowledge/{BASE}/quality", data={})
    assert asked.headers["location"] == f"/knowledge/{BASE}/quality?done=asked_for"
    assert "The newest run is queued" in (await site.as_person("owner", "GET", f"/knowledge/{BASE}/quality")).text
    # What the run does not find is gone; planted ones are put back as they were.
    await JobWorker(site.services).drain()
    page = (await site.as_person("auditor", "GET", f"/knowledge/{BASE}/quality")).text
    assert_harmless(page)
    assert "Its validity ended on 2025-12-31" in page
    assert "Too few calls yet" in page
    assert ">Settle<" not in page, "an auditor only looks"
    found = (await site.api("auditor", "GET", f"/knowledge-bases/{BASE}/quality?state=open")).json()["findings"]
    assert [each["kind"] for each in found] == ["stale"]
    path = f"/knowledge/{BASE}/quality/{found[0]['id']}"
    without = await site.as_person("legal", "POST", path, data={"state": "dismissed"})
    assert (without.status_code, "say why" in without.text) == (400, True)
    assert (await site.as_person("it", "POST", path, data={"state": "done"})).status_code == 403
    settled = await site.as_person("legal", "POST", path, data={"state": "dismissed", "reason": HOSTILE})
    assert settled.headers["location"] == f"/knowledge/{BASE}/quality?done=settled"
    assert_harmless((await site.as_person("legal", "GET", f"/knowledge/{BASE}/quality")).text)
    opened = await site.api("legal", "POST", f"/knowledge-bases/{BASE}/quality/{found[0]['id']}", json={"state": "open"})
    assert opened.json()["state"] == "open"
    for page_path in ("/knowledge", f"/knowledge/{BASE}"):
        assert "1 open" in (await site.as_person("auditor", "GET", page_path)).text
