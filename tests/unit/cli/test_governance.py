"""`gate report`, `gate policy`, `approval`, `ramp`, `recertify` and `roi` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

STRICT = """
kind: GatePolicy
stage: discovery
criteria:
  - {key: declared, check: declared}
"""


def test_a_report_is_written_and_verified_and_an_edit_is_found(run: Run, ready: Path, tmp_path: Path) -> None:
    for form in ("html", "json", "pdf"):
        assert "gate into pilot" in run("gate", "report", "assistant", "--output", f"report.{form}").out
    for form in ("html", "json"):
        assert "verifies. assistant" in run("gate", "verify", f"report.{form}").out
    report = tmp_path / "report.json"
    told = json.loads(report.read_text())
    told["evaluation"]["passed"] = not told["evaluation"]["passed"]
    report.write_text(json.dumps(told))
    assert "its results say otherwise" in run("gate", "verify", "report.json", status=1).out
    assert json.loads(run("gate", "verify", "report.json", "--json", status=1).out)["problems"]
    assert "does not end in" in run("gate", "report", "assistant", "--output", "report.odt", status=2).err
    assert "is no gate report" in run("gate", "verify", "report.pdf", status=2).err


def test_policies_are_shown_compared_and_published(run: Run, ready: Path, tmp_path: Path) -> None:
    assert "into scale: version 3, published" in run("gate", "policy", "show").out
    assert run("gate", "policy", "diff", "--defaults").out == "nothing would change\n"
    (tmp_path / "strict.yaml").write_text(STRICT)
    assert "looser than the defaults: risk_tier is not asked for" in run("gate", "policy", "diff", "strict.yaml").out
    assert "say why" in run("gate", "policy", "publish", "strict.yaml", status=2).err
    published = run("gate", "policy", "publish", "strict.yaml", "--reason", "a sandbox").out
    assert published == "into discovery: version 3 is in force, 1 criteria\n"
    assert "a sandbox" in run("gate", "policy", "show", "discovery").out
    assert "name a FILE.yaml" in run("gate", "policy", "publish", status=2).err


def test_approvals_take_an_account(run: Run, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nobody was asked" in run("approval", "list", "assistant").out
    assert "legal: pending" in run("approval", "request", "assistant", "--to", "scale").out
    word = ("approval", "decide", "assistant", "legal", "--to", "scale", "--decision", "approved", "--statement", "fine")
    assert "under their account" in run(*word, status=2).err
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "correct horse battery")
    run("user", "add", "nora", "--role", "legal")
    assert run(*word, "--as", "nora").out.startswith("legal has approved version")


def test_ramp_recertify_and_roi_say_where_things_stand(run: Run, ready: Path) -> None:
    assert "it begins when the use case enters scale" in run("ramp", "assistant").out
    assert "the ramp begins when it enters scale" in run("ramp", "assistant", "--reason", "go", status=2).err
    assert "say why" in run("ramp", "assistant", "--to", "25", status=2).err
    assert "stages are certified from pilot on" in run("recertify", "assistant", status=2).err
    assert "the return on investment is unknown" in run("roi", "assistant").out
    assert json.loads(run("roi", "assistant", "--json").out)["report"] is None
