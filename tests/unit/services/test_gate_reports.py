"""Snapshots and reports: an evaluation is checked without the database, and whatever is changed in it is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pypdf import PdfReader
from tests.unit.services import bank, stages
from tests.unit.services.prepared import Prepared

from groundcrew.domain.gate_snapshot import snapshot_id
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.gate_report_pages import render
from groundcrew.services.gate_reports import GateReport, read_report, report_problems
from groundcrew.store import catalog

STATEMENT = 'Held <b>2,000</b> a minute & "more" → fine'


def replaced(item: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(item, **changes)


def with_result(report: GateReport, **changes: Any) -> GateReport:
    results = (replaced(report.evaluation.results[0], **changes), *report.evaluation.results[1:])
    return replaced(
        report, evaluation=replaced(report.evaluation, results=results), snapshot=replaced(report.snapshot, results=results)
    )


#: What somebody might change in a report, and what verification says of it.
EDITS: list[tuple[Callable[[GateReport], GateReport], str]] = [
    (lambda r: replaced(r, evaluation=replaced(r.evaluation, passed=not r.evaluation.passed)), "its results say otherwise"),
    (lambda r: with_result(r, figure="better"), "snapshot's hash"),
    (lambda r: with_result(r, status="fail"), "snapshot's hash"),
    (lambda r: replaced(r, policy=replaced(r.policy, criteria=r.policy.criteria[:1])), "the policy is not the one"),
    (lambda r: replaced(r, evidence=r.evidence[1:]), "is lacking"),
    (
        lambda r: replaced(r, evidence=(replaced(r.evidence[0], content={"statement": "no"}), *r.evidence[1:])),
        "was changed: its content",
    ),
    (lambda r: replaced(r, hypothesis=replaced(r.hypothesis, plan=bank.plan(alpha=0.2))), "the hypothesis is not the one"),
    (lambda r: replaced(r, evaluation=replaced(r.evaluation, version_digest="0" * 64)), "differ in version_digest"),
    (lambda r: replaced(r, use_case=replaced(r.use_case, name="other")), "headed by another use case"),
]


async def made(url: str, folder: Path, prepared: Prepared) -> GateReport:
    clock = prepared.copy("ready", url)
    async with bank.opened(url, folder, clock, bare=True) as services:
        await services.evidence.attest(bank.NAME, "load_test", actor="user:tess", statement=STATEMENT)
        with pytest.raises(Conflict, match="no evaluation"):
            await services.gate_reports.newest(bank.NAME)
        evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", to="pilot")
        again = await services.gates.evaluate(bank.NAME, actor="user:maria", to="pilot")
        assert again.snapshot == evaluation.snapshot, "the same facts make the same snapshot, stored once"
        async with services.database.read() as connection:
            assert await catalog.EVIDENCE_SNAPSHOTS.count(connection) == 1
        assert (await services.gate_reports.newest(bank.NAME, "pilot")).evaluation == again
        with pytest.raises(NotFound):
            await services.gate_reports.of("nothing")
        assert (await services.audit.verify()).problems == ()
        return await services.gate_reports.of(evaluation.id)


async def test_a_report_verifies_and_no_edit_does(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    report = await made(sqlite_url, tmp_path, prepared)
    assert report.evaluation.passed
    assert report.evaluation.snapshot == snapshot_id(report.snapshot)
    assert report_problems(report) == []
    for edit, says in EDITS:
        assert any(says in each for each in report_problems(edit(report))), says


async def test_the_pages_say_it_all_without_scripts(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    report = await made(sqlite_url, tmp_path, prepared)
    html = render(report, "html").decode()
    assert read_report(html.encode(), "report.html") == report, "the page carries what verifies it"
    assert "<script" not in html
    assert "http://" not in html
    assert "https://" not in html
    assert "Held &lt;b&gt;2,000" in html, "what people write is text"
    hypothesis = report.hypothesis
    assert hypothesis is not None
    wanted = [
        report.evaluation.snapshot,
        report.snapshot.policy_digest,
        hypothesis.digest or "",
        report.chain.hash,
        report.evaluation.version_digest,
        "user:tess",
        *(each.sha256 for each in report.evidence),
        *(each.title for each in report.evaluation.results),
    ]
    assert [each for each in wanted if each not in html] == []
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(render(report, "pdf"))
    text = "".join("".join(page.extract_text() for page in PdfReader(pdf).pages).split())
    assert [each for each in wanted if "".join(each.split()) not in text] == []
    assert read_report(render(report, "json"), "report.json") == report
    with pytest.raises(InputError, match="odt"):
        render(report, "odt")
    for data in (b"", b"{}", b"<p>nothing</p>", b"\xff"):
        with pytest.raises(InputError, match=r"x\.json"):
            read_report(data, "x.json")


async def test_the_snapshot_of_an_edited_row_is_found_by_the_chain(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    clock = prepared.copy("ready", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await stages.approve_all(services, "pilot")
        evaluation = await services.gates.evaluate(bank.NAME, actor="user:maria", to="pilot")
        kept = await services.gates.kept(evaluation.id)
        assert kept.snapshot is not None
        assert {each.function for each in kept.snapshot.approvals} == {"ethics", "it", "legal", "business"}
        assert kept.snapshot.rows["calls"].n == 0
