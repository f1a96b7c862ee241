"""`resource`, `champion` and `backlog` on the command line, each from its first command to its last."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.unit.cli.conftest import Run

RESOURCE = """
kind: Resource
name: analysts
measure: people_days
owner: head@bank.example
skill: data science
capacity: 20
capacity_of: {"2099-01": 12.5}
"""


def test_a_resource_is_declared_asked_for_and_given_back(run: Run, ready: Path, tmp_path: Path) -> None:
    assert "no resource is declared" in run("resource", "list").out
    (tmp_path / "resource.yaml").write_text(RESOURCE)
    assert "analysts" in run("apply", "resource.yaml").out
    assert "unchanged" in run("apply", "resource.yaml").out
    for line, words in (
        ("measure: people", "resource.yaml:4: measure: expected one of people_days"),
        ("capacity: 1.234", "resource.yaml:7: capacity: counted in hundredths"),
        ("capacity_of: {2099-13: 1}", "resource.yaml:8: capacity_of.2099-13: expected a month"),
        ("skill: [x]", "resource.yaml:6: skill: expected text"),
    ):
        key = line.partition(":")[0]
        (tmp_path / "resource.yaml").write_text(re.sub(rf"^{key}: .*$", line, RESOURCE, flags=re.M))
        assert words in run("apply", "resource.yaml", status=2).err
    (tmp_path / "resource.yaml").write_text(RESOURCE.replace("people_days", "usd"))
    assert "only people have one" in run("apply", "resource.yaml", status=2).err
    assert "25 days in every month" in run("resource", "capacity", "analysts", "25", "--reason", "two more").out
    assert "did you mean 'analysts'" in run("resource", "capacity", "analyst", "5", "--reason", "x", status=2).err
    asked = ("resource", "request", "analysts", "3.5", "--use-case", "assistant", "--purpose", "label answers")
    found = json.loads(run(*asked, "--period", "2099-01", "--period", "2099-02", "--json").out)
    assert found["periods"] == ["2099-01", "2099-02"]
    assert "expected a month" in run(*asked, "--period", "2099-Q1", status=2).err
    assert "3.5 days" in run("resource", "list", "--requests").out
    assert "requested" in run("resource", "list", "--use-case", "assistant").out
    assert "nobody asks" in run("resource", "list", "--state", "denied").out
    assert "expected one of" in run("resource", "list", "--state", "given", status=2).err
    used = run("resource", "release", found["id"], "--reason", "x", "--used", "2099-01:4", status=2).err
    assert "expected PERIOD=AMOUNT" in used
    assert "released; used: nothing" in run("resource", "release", found["id"], "--reason", "not needed").out
    assert json.loads(run("resource", "list", "--json").out)[0]["resource"]["capacity"] == 25


def test_champions_are_appointed_hand_over_and_lapse(run: Run, ready: Path) -> None:
    assert "not appointed" in run("champion", "list").out
    assert "petra@bank.example is champion of retail" in run("champion", "appoint", "petra@bank.example", "--unit", "retail").out
    over = ("champion", "hand-over", "petra@bank.example", "--reason", "she knows them")
    assert "name the use case" in run(*over, status=2).err
    assert "carries assistant" in run(*over, "--use-case", "assistant").out
    assert "1 of 5" in run("champion", "list").out
    assert "no champion any more" in run("champion", "lapse", "petra@bank.example", "--reason", "left").out
    assert "petra@bank.example is no champion any more: left" in json.dumps(json.loads(run("champion", "list", "--json").out))
    assert "retail" in run("champion", "list", "--units").out
    assert "The baseline" in run("champion", "playbook").out
    assert run("champion", "playbook", "baseline").out.startswith("# The baseline")
    assert "did you mean 'baseline'" in run("champion", "playbook", "baselin", status=2).err


def test_an_exploration_from_the_idea_to_the_draft(run: Run, ready: Path, tmp_path: Path) -> None:
    idea = ("backlog", "add", "Kürzere Briefe", "--why", "they call", "--unit", "retail", "--owner", "olga@bank.example")
    said = ("--hypothesis", "Customers call less often when letters about fees are short", "--days", "5", "--tag", "letters")
    made = json.loads(run(*idea, *said, "--json").out)["exploration"]["id"]
    assert "much like it: Kürzere Briefe" in run(*idea, *said).out
    assert "expected more than 0" in run(*idea, *said, "--tokens", "0", status=2).err
    assert "the last day of its box is" in run("backlog", "start", made).out
    assert "under their own account" in run("backlog", "extend", made, "--days", "2", "--reason", "more", status=2).err
    assert "1 of 5 days" in run("backlog", "list", "--state", "running").out
    assert "is finished: supported" in run("backlog", "finish", made, "--outcome", "supported", "--learned", "a fifth less").out
    assert "a fifth less" in run("backlog", "search", "KURZERE letters").out
    assert "nothing like that" in run("backlog", "search", "parking").out
    assert len(json.loads(run("backlog", "list", "--unit", "retail", "--json").out)) == 2
    draft = ("backlog", "become", made, "short-letters", "--model", "writer", "--affected-persons", "customers")
    assert "kind: UseCase" in run(*draft).out
    assert "wrote" in run(*draft, "--output", tmp_path / "draft.yaml").out
    assert "short-letters" in run("apply", "draft.yaml").out
