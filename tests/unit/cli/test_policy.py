"""`groundcrew policy`: what there is, and how one does on labelled texts."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path

from tests.integration.server import groundcrew
from tests.unit.cli.conftest import Run

POLICY = """
kind: Policy
name: {name}
guards:
  - {{guard: secrets, on: [output], mode: {mode}, action: refuse}}
"""
ROWS = [
    {"id": 1, "text": "the key is AKIA" + "IOSFODNN7EXAMPLA", "label": "block", "kind": "cloud"},
    {"id": 2, "text": "nothing to see", "label": "pass", "kind": "plain"},
    {"id": 3, "text": "the plain word password", "label": "block", "kind": "plain"},
]


def files(folder: Path, mode: str = "enforce") -> tuple[str, str]:
    declared, rows = folder / "policy.yaml", folder / "rows.jsonl"
    declared.write_text(POLICY.format(name="keys", mode=mode))
    rows.write_text("".join(json.dumps(each) + "\n" for each in ROWS))
    return str(declared), str(rows)


def test_a_policy_from_a_file_is_tried(run: Run, tmp_path: Path) -> None:
    declared, rows = files(tmp_path)
    printed = run("policy", "test", "--file", declared, "--input", rows, "--by", "kind").out
    assert "keys: 3 rows, 2 to block, 1 to pass" in printed
    assert "0.500 [0.095, 0.905] n=2" in printed
    assert "cloud" in printed
    report = run("policy", "test", "keys", "--file", declared, "--input", rows, "--json").json()
    assert report["blocked"]["caught"] == 1
    assert report["mistakes"][0]["id"] == 3
    assert report["short"] == []


def test_bounds_decide_the_exit_status(run: Run, tmp_path: Path) -> None:
    declared, rows = files(tmp_path)
    ask = ("policy", "test", "--file", declared, "--input", rows)
    run(*ask, "--recall-min", "0.5", "--precision-min", "1", "--false-blocks-max", "0")
    assert "falls short: recall 0.500 is below 0.900" in run(*ask, "--recall-min", "0.9", status=1).out
    assert run(*ask, "--recall-min", "0.9", "--json", status=1).json()["short"] == ["recall 0.500 is below 0.900"]
    run(*ask, "--recall-min", "9", status=2)


def test_rules_that_monitor_can_be_tried_as_enforced(run: Run, tmp_path: Path) -> None:
    declared, rows = files(tmp_path, "monitor")
    ask = ("policy", "test", "--file", declared, "--input", rows, "--json")
    assert run(*ask).json()["blocked"]["caught"] == 0
    assert run(*ask, "--as-enforced").json()["blocked"]["caught"] == 1


def test_mistakes_are_written_without_their_texts(run: Run, tmp_path: Path) -> None:
    declared, rows = files(tmp_path)
    wrong = tmp_path / "wrong.jsonl"
    run("policy", "test", "--file", declared, "--input", rows, "--mistakes", str(wrong))
    (line,) = wrong.read_text().splitlines()
    assert json.loads(line)["line"] == 3
    assert "password" not in line


def test_a_stored_policy_is_listed_and_tried(run: Run, bank: Path, tmp_path: Path) -> None:
    declared, rows = files(tmp_path)
    run("apply", declared)
    assert "keys" in run("policy", "list").out
    assert "otherwise in" in run("policy", "list").out
    assert "keys" in [each["name"] for each in run("policy", "list", "--json").json()]
    assert "keys: 3 rows" in run("policy", "test", "keys", "--input", rows).out
    assert "which policy? There are: " in run("policy", "test", "--input", rows, status=2).err
    assert "keyz" in run("policy", "test", "keyz", "--input", rows, status=2).err


def test_files_that_do_not_fit_are_named(run: Run, tmp_path: Path) -> None:
    declared, rows = files(tmp_path)
    assert "policy.yaml" in run("policy", "test", "other", "--file", declared, "--input", rows, status=2).err
    Path(rows).write_text('{"id": 1, "text": "x", "label": "maybe"}\n')
    error = run("policy", "test", "--file", declared, "--input", rows, status=2).err
    assert "rows.jsonl:1: label: Invalid enum value 'maybe'; expected one of block, pass" in error
    assert "can not be read" in run("policy", "test", "--file", declared, "--input", str(tmp_path / "none"), status=2).err


TOPICS = """kind: Policy
name: desk
guards:
  - guard: topic
    on: [output]
    timeout_ms: 400
    allowed: [{{topic: bank, examples: [{examples}]}}]
"""


def test_what_a_rule_is_told_is_made_ready_before_rows_are_counted(run: Run, tmp_path: Path) -> None:
    examples = ", ".join(f"How do I block the card that ends with {number}" for number in range(200))
    (tmp_path / "policy.yaml").write_text(TOPICS.format(examples=examples))
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "text": "How do I block the card that ends with 7", "label": "pass"}\n')
    report = run("policy", "test", "--file", "policy.yaml", "--input", "rows.jsonl", "--json").json()
    assert (report["failed"], report["mistakes"]) == (0, [])


def test_a_check_that_takes_too_long_does_not_abort_the_command(tmp_path: Path) -> None:
    source = random.Random(3)
    words = ["".join(source.choices(string.ascii_lowercase, k=source.randint(3, 9))) for _ in range(5_000)]
    text = " ".join(source.choices(words, k=25_000))
    (tmp_path / "policy.yaml").write_text("kind: Policy\nname: slow\nguards: [{guard: pii, on: [output], timeout_ms: 100}]\n")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"id": 1, "text": text, "label": "pass"}) + "\n")
    done = groundcrew("policy", "test", "--file", tmp_path / "policy.yaml", "--input", tmp_path / "rows.jsonl")
    assert (done.status, done.err) == (0, "")
    assert "pii no verdict within 100 ms" in done.out
