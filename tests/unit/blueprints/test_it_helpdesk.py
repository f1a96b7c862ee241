"""The it-helpdesk blueprint is consistent: data, knowledge, scenarios and declarations fit together, and the sample data are what
their script makes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundcrew.domain.hypothesis import baseline_problems, parse_plan, problems
from groundcrew.metrics.plan import plan as work_out
from groundcrew.services.declarations import load

BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "it-helpdesk"
DATA = BLUEPRINT / "data"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def tickets() -> list[dict[str, Any]]:
    return rows("tickets.jsonl")


def test_the_sample_data_are_what_their_script_makes() -> None:
    done = subprocess.run(
        [sys.executable, str(BLUEPRINT / "make_sample_data.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_there_are_enough_messy_tickets_of_every_team(tickets: list[dict[str, Any]]) -> None:
    teams = (DATA / "teams.txt").read_text().split()
    counts = Counter(ticket["team"] for ticket in tickets)
    assert len(tickets) > 900
    assert len({ticket["id"] for ticket in tickets}) == len(tickets)
    assert all(counts[team] > 80 for team in teams)
    assert Counter(ticket["language"] for ticket in tickets).keys() == {"en", "de", "fr"}
    assert sum("Original Message" in ticket["body"] or "> " in ticket["body"] for ticket in tickets) > 60
    assert sum("+41 44 555" in ticket["body"] for ticket in tickets) > 300


def test_what_was_planted_is_there(tickets: list[dict[str, Any]]) -> None:
    by_id = {ticket["id"]: ticket for ticket in tickets}
    planted = json.loads((DATA / "planted.json").read_text())
    assert set(planted) == {
        *("wrong team", "no body", "too short", "unknown team", "broken letters", "copied", "nearly copied", "contradicted"),
    }
    assert all(not by_id[each]["body"].strip() for each in planted["no body"])
    assert all("Ã" in by_id[each]["body"] for each in planted["broken letters"])
    teams = set((DATA / "teams.txt").read_text().split())
    assert all(by_id[each]["team"] not in teams for each in planted["unknown team"])
    names = [each for some in planted.values() for each in some]
    assert len(names) == len(set(names))


def test_every_article_is_asked_for_and_can_be_read() -> None:
    scenarios = yaml.safe_load((BLUEPRINT / "texts" / "scenarios.txt").read_text(encoding="utf-8"))
    named = {matter["article"] for matters in scenarios.values() for matter in matters} - {""}
    articles = {path.name: path.read_text(encoding="utf-8") for path in (BLUEPRINT / "knowledge").iterdir()}
    assert named == articles.keys()
    assert len(articles) >= 25
    for name, text in articles.items():
        assert text.startswith("# "), name
        assert text.count("\n## ") >= 2, name
    titles = Counter(text.split("\n", 1)[0] for text in articles.values())
    assert max(titles.values()) == 1


def test_what_a_draft_must_hold_stands_in_the_knowledge() -> None:
    everything = "\n".join(path.read_text(encoding="utf-8") for path in (BLUEPRINT / "knowledge").iterdir())
    for case in rows("evaluation_cases.jsonl"):
        assert case.get("declines") or all(words in everything for words in case["contains"]), case["id"]


def test_the_declarations_load_and_the_plan_is_sound() -> None:
    declared = load([BLUEPRINT])
    use_cases = {each.value.name: each.value for each in declared.use_cases}
    triage, drafts = use_cases["it-helpdesk-triage"], use_cases["it-helpdesk-drafts"]
    assert triage.solution == "customized"
    assert triage.evaluation is not None
    assert drafts.sign_off is not None
    assert drafts.sign_off.when == "always"
    assert set(declared.hypotheses) == {"it-helpdesk-triage", "it-helpdesk-drafts"}


def test_the_plan_needs_no_more_tickets_than_it_plans() -> None:
    hypothesis = parse_plan(yaml.safe_load((BLUEPRINT / "handle-time.yaml").read_text(encoding="utf-8")))
    assert problems(hypothesis) == []
    assert baseline_problems(hypothesis) == []
    required = work_out(hypothesis).required_n
    assert required is not None
    assert required <= hypothesis.planned_n
