"""`drift test` on files: what is printed, the exit code, and what is refused where."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from tests.unit.cli.conftest import Run

from groundcrew.cli import drift_columns

FIELDS = ("column", "kind", "statistic", "threshold", "p_value", "drifted")


def rows(n: int, seed: int, shift: float = 0.0) -> list[dict[str, Any]]:
    source = random.Random(seed)
    return [
        {
            "id": f"r-{seed}-{place}",
            "at": f"2026-11-{1 + place % 28:02}T10:00:00Z",
            "amount": round(source.gauss(50 + shift, 9), 2),
            "topic": source.choice(["card", "loan", "fees"]),
            "day": f"d{seed}-{place // 10}",
        }
        for place in range(n)
    ]


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    if path.name.endswith(".parquet"):
        parquet.write_table(pa.Table.from_pylist(found), path)
        return path
    if path.name.endswith(".csv"):
        lines = [",".join(found[0]), *(",".join("" if cell is None else str(cell) for cell in row.values()) for row in found)]
    else:
        lines = [json.dumps(row) for row in found]
    text = "".join(f"{line}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.name.endswith(".gz") else text.encode())
    return path


def verdicts(out: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["column"]: line for line in lines[:-1]}, lines[-1]


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "csv", "parquet"])
def test_every_format_gives_the_contracts_rows(run: Run, tmp_path: Path, suffix: str) -> None:
    before, now = write(tmp_path / f"before.{suffix}", rows(120, 1)), write(tmp_path / "now.jsonl", rows(120, 2, shift=6))
    columns, whole = verdicts(run("drift", "test", "--reference", before, "--current", now, "--json", status=1).out)
    assert columns.keys() >= {"amount", "topic"}
    assert all(set(FIELDS) <= set(column) for column in columns.values())
    assert (columns["amount"]["kind"], columns["amount"]["drifted"]) == ("number", True)
    assert (columns["topic"]["kind"], columns["topic"]["drifted"]) == ("category", False)
    assert columns["amount"]["changes"]
    assert (whole["drifted"], whole["false_alarm_rate"], whole["rows_used"]) == (True, 0.01, [120, 120])
    assert {"id", "at"} <= set(whole["left_out"])


def test_no_drift_exits_with_0_and_reads_well(run: Run, tmp_path: Path) -> None:
    before, now = write(tmp_path / "before.jsonl", rows(120, 1)), write(tmp_path / "now.csv", rows(120, 2))
    done = run("drift", "test", "--reference", before, "--current", now, "--columns", "amount,topic", "--alpha", "0.02")
    assert "reference: 120 rows\n" in done.out
    assert done.out.endswith("no drift found (false-alarm rate 0.02)\n")


def test_blocks_are_permuted_whole_and_too_few_are_unknown(run: Run, tmp_path: Path) -> None:
    before, now = write(tmp_path / "before.jsonl", rows(120, 1)), write(tmp_path / "now.jsonl", rows(40, 2, shift=9))
    arguments = ("drift", "test", "--reference", before, "--current", now, "--columns", "amount", "--block", "day", "--json")
    columns, whole = verdicts(run(*arguments, status=1).out)
    assert (columns["amount"]["drifted"], whole["blocks"]) == (True, 16)
    few = write(tmp_path / "few.jsonl", rows(20, 3, shift=9))
    _, whole = verdicts(run("drift", "test", "--reference", few, "--current", now, "--block", "day", "--json", status=1).out)
    assert whole["drifted"] is None
    assert "6 blocks give no p-value below 0.0667" in whole["reason"]


def test_texts_are_compared_by_meaning_with_examples(run: Run, tmp_path: Path) -> None:
    source = random.Random(4)
    things, times = ("card", "new card", "debit card"), ("today", "now", "this week", "please")
    verbs = ("where is", "I lost", "please block")
    own = [f"{verb} my {thing} {when}" for verb in verbs for thing in things for when in times]
    foreign = ["how many planets are there", "what is the capital of France", "play some jazz", "set an alarm for seven"]
    before = write(tmp_path / "before.jsonl", [{"text": f"{source.choice(own)}, {source.choice(own)}"} for _ in range(60)])
    mixed = [{"text": f"{source.choice(own)}, {source.choice(own)}"} for _ in range(46)]
    mixed += [{"text": f"{source.choice(foreign)} and {source.choice(foreign)}"} for _ in range(14)]
    now = write(tmp_path / "now.jsonl", [*mixed, {"text": " "}])
    columns, _ = verdicts(run("drift", "test", "--reference", before, "--current", now, "--json", status=1).out)
    assert (columns["text"]["kind"], columns["text"]["drifted"]) == ("text", True)
    assert columns["text"]["current_missing"] == 1
    assert all(any(text.startswith(each) for each in foreign) for text in columns["text"]["examples"]["after"])
    assert run("drift", "test", "--reference", before, "--current", now, status=1).out.count("typical of what came: ") == 5


def test_a_large_file_is_sampled_and_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_columns, "ROWS_MAX", 80)
    before, now = write(tmp_path / "before.jsonl", rows(300, 1)), write(tmp_path / "now.jsonl", rows(70, 2))
    done = run("drift", "test", "--reference", before, "--current", now, "--columns", "amount")
    assert "reference: 300 rows, of which a random sample of 80 is tested\ncurrent: 70 rows\n" in done.out
    arguments = ("drift", "test", "--reference", before, "--current", now, "--columns", "amount", "--seed", "5", "--json")
    assert run(*arguments).out == run(*arguments).out


GOOD = '{"a": 1}\n' * 30


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("now.jsonl", '{"b": 1}\n', (), "now.jsonl: a: is not a column of this file"),
        ("now.jsonl", GOOD, ("--columns", "b"), "before.jsonl: b: is not a column of this file"),
        ("now.jsonl", GOOD, ("--block", "day"), "before.jsonl: day: is not a column of this file"),
        ("now.jsonl", GOOD + "nonsense\n", (), "now.jsonl:31: not JSON"),
        ("now.jsonl", GOOD + "[1]\n", (), "now.jsonl:31: must be an object"),
        ("now.jsonl", GOOD + '{"a": "x"}\n', (), "now.jsonl:31: a: is a text where others are a number; say which with --kind"),
        ("now.jsonl", GOOD + '{"a": [1]}\n', ("--columns", "a"), "now.jsonl:31: a: must be a number, a text, or true or false"),
        ("now.csv", "a\n" + "1\n" * 30 + "x\n", (), "now.csv:32: a: is 'x', which is no number"),
        ("now.csv", "a,b\n1\n", (), "now.csv:2: has 1 cells, the first row 2"),
        ("now.csv", "a\n" + "1\n" * 30 + "Gr\xfc\xdfe\n", (), "now.csv:32: is not UTF-8"),
        ("now.jsonl", GOOD + '{"a": "\xfc"}\n', (), "now.jsonl:31: is not UTF-8"),
        ("now.csv", "", (), "now.csv:1: is empty"),
        ("now.jsonl", "", (), "now.jsonl: holds no rows"),
        ("now.parquet", "no parquet", (), "now.parquet: is damaged or no Parquet file"),
        ("now.txt", GOOD, (), "now.txt: unknown format; readable: .jsonl"),
        ("now.jsonl", GOOD, ("--alpha", "0"), "--alpha: must lie between 0 and 1, is 0"),
        ("now.jsonl", GOOD, ("--columns", ","), "--columns: names no column"),
        ("now.jsonl", GOOD, ("--kind", "a=colour"), "--kind: 'a=colour' is not COL=KIND"),
        ("now.jsonl", GOOD, ("--kind", "z=text"), "before.jsonl: z: is not a column of this file"),
    ],
)
def test_bad_input_names_file_line_and_field(
    run: Run, tmp_path: Path, name: str, content: str, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "before.jsonl").write_text(GOOD)
    (tmp_path / name).write_text(content, encoding="latin-1")
    done = run("drift", "test", "--reference", "before.jsonl", "--current", name, *options, status=2)
    assert message in done.err


def test_a_missing_file_and_a_row_without_block_are_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "before.jsonl").write_text(GOOD)
    assert "no.jsonl: no such file" in run("drift", "test", "--reference", "no.jsonl", "--current", "no.jsonl", status=2).err
    (tmp_path / "now.jsonl").write_text('{"a": 1, "d": "x"}\n{"a": 1, "d": null}\n')
    done = run("drift", "test", "--reference", "now.jsonl", "--current", "now.jsonl", "--block", "d", status=2)
    assert "now.jsonl:2: d: is missing; each row needs its block" in done.err


def test_kinds_can_be_told(run: Run, tmp_path: Path) -> None:
    before = write(tmp_path / "before.jsonl", [{"code": place % 7} for place in range(90)])
    done = run("drift", "test", "--reference", before, "--current", before, "--kind", "code=category", "--json")
    assert verdicts(done.out)[0]["code"]["kind"] == "category"


@pytest.mark.parametrize("options", [(), ("--kind", "urgent=category")])
def test_truth_values_are_the_same_in_csv_and_elsewhere(run: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    found = [{"urgent": place % 3 == 0} for place in range(60)]
    before, now = write(tmp_path / "before.csv", found), write(tmp_path / "now.parquet", found)
    for first, second in ((before, now), (now, before)):
        columns, _ = verdicts(run("drift", "test", "--reference", first, "--current", second, *options, "--json").out)
        assert (columns["urgent"]["kind"], columns["urgent"]["drifted"]) == ("category", False)
