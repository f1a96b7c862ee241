"""`risk`, `controls` and `technical-file` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli.conftest import Run

from groundcrew.domain.framework import frameworks


def test_the_questionnaire_is_printed_with_its_rules(run: Run) -> None:
    told = run("risk", "questions").out
    assert "decides_credit: Does it evaluate the creditworthiness of people" in told
    assert "EU AI Act Art. 5(1)(h)" in told
    assert run("risk", "questions", "--json").json()["version"] == 2


def test_answers_and_what_is_wrong_with_them(run: Run, ready: Path) -> None:
    assert run("risk", "show", "assistant").out.startswith("assistant: limited\n")
    raised = run("risk", "answer", "assistant", "decides_credit=yes", "--reason", "it sets limits").out
    assert raised.startswith("assistant: high\n  because evaluates the creditworthiness")
    assert "what follows: the gate into scale asks for a sign-off" in raised
    open_ = run("risk", "answer", "assistant", "decides_insurance=unknown", "--reason", "ask the desk", "--json").json()
    assert open_["assessment"]["unanswered"] == ["decides_insurance"]
    assert "1 questions are not answered" in run("risk", "show", "assistant", status=1).out
    closed = run("risk", "answer", "assistant", "--none-of", "services_and_benefits", "--reason", "none", "--json").json()
    assert closed["assessment"]["unanswered"] == []
    assert (
        "did you mean 'decides_credit'" in run("risk", "answer", "assistant", "decides_credits=no", "--reason", "x", status=2).err
    )
    assert "expected QUESTION=yes" in run("risk", "answer", "assistant", "decides_credit", "--reason", "x", status=2).err
    assert "expected one of" in run("risk", "answer", "assistant", "--none-of", "all", "--reason", "x", status=2).err
    lowered = run("risk", "lower", "assistant", "--to", "limited", "--function", "legal", "--reason", "x", status=2)
    assert "people under their account" in lowered.err


def test_controls_are_listed_and_shown(run: Run, ready: Path) -> None:
    listed = run("controls").out
    assert all(each.key in listed for each in frameworks())
    shown = run("controls", "assistant", "--framework", "nist-ai-600-1").out
    assert "NIST Generative AI Profile (nist-ai-600-1): evidence for all of" in shown
    missing = run("controls", "assistant", "--missing").out
    assert "○ none" in missing
    assert "● computed" not in missing
    assert len(run("controls", "assistant", "--json").json()) == len([each for each in frameworks() if each.status != "retired"])
    assert "did you mean" in run("controls", "assistant", "--framework", "nist-ai-rm", status=2).err


def test_a_file_is_written_filed_and_verified(run: Run, ready: Path, tmp_path: Path) -> None:
    for form in ("html", "md", "pdf", "json"):
        told = run("technical-file", "assistant", "--output", f"file.{form}").out
        assert f"file.{form}: " in told
        assert (tmp_path / f"file.{form}").stat().st_size > 1_000
    assert "verifies. assistant" in run("technical-file", "--verify", "file.json").out
    changed = json.loads((tmp_path / "file.json").read_text())
    changed["parts"][0]["statements"][1]["text"] = "something nicer"
    (tmp_path / "file.json").write_text(json.dumps(changed))
    assert "the file was changed" in run("technical-file", "--verify", "file.json", status=1).err
    filed = run(
        "technical-file", "assistant", "--output", "filed.json", "--file", "--reason", "the auditor asks", "--json"
    ).json()
    listed = run("technical-file", "assistant", "--filings", "--json").json()
    assert [(each["sha256"], each["reason"]) for each in listed] == [(filed["sha256"], "the auditor asks")]
    run("technical-file", "assistant", "--filing", listed[0]["id"], "--output", "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "filed.json").read_bytes()
    assert "--output ends in" in run("technical-file", "assistant", "--output", "file.docx", status=2).err
    assert "name a use case" in run("technical-file", status=2).err
    assert "say why" in run("technical-file", "assistant", "--output", "x.md", "--file", status=2).err
