"""`alert` and `incident` on the command line, from opening one to its report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

RULE = """
kind: AlertRule
name: error-rate
metric: error_rate
when: credibly_above
threshold: 0.02
clear: 0.01
severity: 1
quiet:
  - {from: "20:00", to: "07:00", zone: Europe/Zurich, days: [mon, tue]}
"""


def test_rules_are_listed_declared_and_refused_with_their_place(run: Run, ready: Path, tmp_path: Path) -> None:
    assert "error_rate credibly > 0.05, clear at 0.03" in run("alert", "rules").out
    (tmp_path / "rule.yaml").write_text(RULE)
    run("apply", "rule.yaml")
    assert "error_rate credibly > 0.02, clear at 0.01" in run("alert", "rules").out
    assert "unchanged" in run("apply", "rule.yaml").out
    for wrong, words in (
        ("clear: 0.05", "rule.yaml:7: clear: expected at most the threshold"),
        ("metric: eror_rate", "rule.yaml:4: metric: no metric 'eror_rate'; did you mean 'error_rate'"),
        ("severity: 5", "rule.yaml:8: severity: expected a whole number from 1 to 4"),
        ("when: above", "rule.yaml:5: when: expected one of credibly_above"),
    ):
        key = wrong.partition(":")[0]
        (tmp_path / "rule.yaml").write_text(re.sub(rf"^{key}: .*$", wrong, RULE, flags=re.M))
        assert words in run("apply", "rule.yaml", status=2).err
    (tmp_path / "rule.yaml").write_text(RULE.replace("Europe/Zurich", "Mars/Olympus").replace("07:00", "7"))
    err = run("apply", "rule.yaml", status=2).err
    assert "zone" in err or "time of day" in err
    assert "silent_gateways" in run("alert", "rules", "--metrics").out


def test_alerts_and_silences(run: Run, bank: Path) -> None:
    (alert,) = json.loads(run("alert", "list", "--json").out)
    assert "many-calls" in run("alert", "list").out
    assert "sees to it until" in run("alert", "ack", alert["id"], "--reason", "on it").out
    assert "at most" in run("alert", "ack", alert["id"], "--reason", "on it", "--for", "30d", status=2).err
    assert "nothing is silenced" in run("alert", "silence").out
    run("alert", "silence", "--rule", "many-calls", "--for", "2h", "--reason", "a test")
    (silence,) = json.loads(run("alert", "silence", "--json").out)
    assert "ended" in run("alert", "silence", "--end", silence["id"]).out
    assert "say why" in run("alert", "silence", "--rule", "many-calls", "--for", "2h", status=2).err


def test_an_incident_is_opened_told_and_closed(run: Run, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = run("incident", "open", "Wrong fee", "--severity", "1", "--use-case", "assistant", "--json").out
    name = json.loads(opened)["id"]
    assert "Wrong fee" in run("incident", "list").out
    assert "an incident of severity 1 is open" in run("status", "--json").out
    assert "assistant is held: kill switch unit:retail; an incident of severity 1 is open" in run("status").out
    assert run("incident", "note", name, "five letters").out == "appended\n"
    assert "a second person" in run("incident", "note", name, "small", "--severity", "3").out
    assert "did you mean 'assistant'" in run("incident", "note", name, "too", "--use-case", "assistent", status=2).err
    assert "concerns assistant" in run("incident", "note", name, "it is said already", "--use-case", "assistant").out
    assert "is past" in run("incident", "action", name, "a test", "--owner", "x", "--due", "2020-01-01", status=2).err
    assert "one owner and one day" in run("incident", "action", name, "a test", status=2).err
    assert (
        "say first that it is mitigated"
        in run("incident", "close", name, "--category", "prompt", "--cause", "left out", status=2).err
    )
    assert "is mitigated" in run("incident", "note", name, "rolled back", "--mitigated").out
    assert "--review accept" in run("incident", "close", name, "--category", "prompt", "--cause", "left out").out
    assert "somebody else" in run("incident", "close", name, "--review", "accept", "--comment", "fine", status=2).err
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "a long password")
    assert "is closed: prompt" in run("incident", "close", name, "--review", "accept", "--comment", "fine", "--as", "anna").out
    run("incident", "show", name, "--output", "report.md")
    assert "reviewed by anna" in (tmp_path / "report.md").read_text()
    assert name not in run("incident", "list", "--json").out
    assert name in run("incident", "list", "--all", "--json").out
