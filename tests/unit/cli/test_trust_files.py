"""`trust calibrate` and `trust guarantee` on files of labels: what is printed, what is written, and what is refused where."""

from __future__ import annotations

import gzip
import json
import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.cli.conftest import Run

from groundcrew.domain.calibration import CalibrationMap
from groundcrew.stats.risk_tests import least_labels

DOCS = Path(__file__).parents[3] / "docs"
Write = Callable[[list[Any]], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def rows(found: list[Any]) -> str:
        lines = (row if isinstance(row, str) else json.dumps(row) for row in found)
        (tmp_path / "labels.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return "labels.jsonl"

    return rows


def labelled(n: int, seed: int = 1, **fields: Any) -> list[dict[str, Any]]:
    source = random.Random(seed)
    rows = []
    for place in range(n):
        wrong = source.random() < 0.08
        score = 1 / (1 + math.exp(-(source.gauss(0, 1) - 1.8 * wrong + 3)))
        rows.append({"id": place, "trust": score, "supported": not wrong} | fields)
    return rows


def test_calibrate_prints_curve_figures_and_map(run: Run, tmp_path: Path, write: Write) -> None:
    source = write([*labelled(300), {"id": "x", "trust": None}, "", {"id": "y", "trust": 0.5, "extra": [1]}])
    done = run("trust", "calibrate", "--input", source, "--output", "map.json")
    assert done.out.startswith("labels: 300; answers without a label: 1; left out for want of a trust value: 1\n")
    for heading in ("expected calibration error: 0.", "AUROC: 0.8", "Brier score: 0.0", "map: ", "map written to map.json"):
        assert heading in done.out
    fitted = msgspec.json.decode((tmp_path / "map.json").read_bytes(), type=CalibrationMap)
    assert fitted.labels == 300
    report = run("trust", "calibrate", "--input", source, "--json").json()
    assert {"labels", "groups", "reliability", "expected_calibration_error", "auroc", "brier"} <= set(report["report"])
    assert report["map"]["method"] == fitted.method
    assert sum(each["supported"]["n"] for each in report["report"]["reliability"]) == 300


def test_guarantee_prints_threshold_share_and_what_more_would_buy(run: Run, write: Write) -> None:
    source = write(labelled(400))
    done = run("trust", "guarantee", "--input", source)
    assert "release answers with a trust of" in done.out
    assert "at most 5 % of released answers unsupported, with 95 % confidence" in done.out
    assert "labels for an 80% chance" in done.out
    found = run("trust", "guarantee", "--input", source, "--json").json()
    assert 0 < found["threshold"] < 1
    assert found["risk_upper"] <= 0.05
    assert found["share_lower"] < found["share"] < found["share_upper"]
    looks = run("trust", "guarantee", "--input", source, "--sequential", "--unsupported-max", "0.1", "--json").json()
    assert (looks["monitoring"], looks["method"]) == ("sequential", "betting")


def test_guarantee_exits_with_1_where_nothing_may_be_released(run: Run, write: Write) -> None:
    source = write([{"id": place, "trust": 0.9, "supported": True} for place in range(40)])
    done = run("trust", "guarantee", "--input", source, status=1)
    assert "release nothing" in done.out
    assert "even 0 wrong of 40 bounds the risk only at 7.22 %; 59 labels without an error would do" in done.out
    assert run("trust", "guarantee", "--input", source, "--json", status=1).json()["threshold"] is None
    assert run("trust", "guarantee", "--input", source, "--unsupported-max", "0.1").status == 0


def test_weights_probabilities_and_groups_are_read(run: Run, write: Write) -> None:
    high = [{"id": f"h{place}", "trust": 0.9, "supported": True, "probability": 0.25} for place in range(150)]
    low = [{"id": f"l{place}", "trust": 0.3, "supported": False, "probability": 0.5, "group": place // 2} for place in range(100)]
    as_probability = run("trust", "guarantee", "--input", write(high + low), "--json").json()
    assert as_probability["sampling"] == "weighted"
    assert as_probability["labels"] == 200
    assert as_probability["share"] == pytest.approx(150 * 4 / (150 * 4 + 50 * 2))
    weighted = [{key: value for key, value in row.items() if key != "probability"} for row in high + low]
    for row in weighted:
        row["weight"] = 8 if row["trust"] == 0.9 else 4
    assert run("trust", "guarantee", "--input", write(weighted), "--json").json() == as_probability


def test_a_packed_file_is_read(run: Run, tmp_path: Path) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in labelled(100))
    (tmp_path / "labels.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    assert "labels: 100" in run("trust", "calibrate", "--input", "labels.jsonl.gz").out


GOOD = {"id": 1, "trust": 0.5, "supported": True}


@pytest.mark.parametrize("command", ["calibrate", "guarantee"])
@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "labels.jsonl:2: not JSON"),
        ("[]", "labels.jsonl:2: must be an object"),
        ({"trust": 0.5, "supported": True}, "labels.jsonl:2: id: is missing"),
        ({"id": True, "trust": 0.5}, "labels.jsonl:2: id: must be text or a whole number"),
        (GOOD, "labels.jsonl:2: id: 1 is already on line 1"),
        ({"id": 2, "trust": "high", "supported": True}, "labels.jsonl:2: trust: must be a number"),
        ({"id": 2, "trust": 1.2, "supported": True}, "labels.jsonl:2: trust: must lie in 0..1, is 1.2"),
        ('{"id": 2, "trust": 1e999, "supported": true}', "labels.jsonl:2: "),
        ({"id": 2, "trust": 0.5, "supported": 1}, "labels.jsonl:2: supported: must be true or false"),
        ({**GOOD, "id": 2, "probability": 0}, "labels.jsonl:2: probability: must lie above 0 and at most at 1, is 0"),
        ({**GOOD, "id": 2, "weight": -1}, "labels.jsonl:2: weight: must be above 0, is -1"),
        ({**GOOD, "id": 2, "weight": 2}, "labels.jsonl:2: weight: all labels need a probability, or all a weight, or none"),
        ({**GOOD, "id": 2, "weight": 2, "probability": 0.5}, "labels.jsonl:2: weight: give a probability or a weight, not both"),
        ({**GOOD, "id": 2, "group": 1.5}, "labels.jsonl:2: group: must be text or a whole number"),
    ],
)
def test_a_wrong_row_is_named(run: Run, write: Write, command: str, row: Any, says: str) -> None:
    assert says in run("trust", command, "--input", write([GOOD, row]), status=2).err


def test_wrong_options_and_files_are_named(run: Run, write: Write) -> None:
    source = write([GOOD, {"id": 2, "trust": 0.5, "supported": True, "probability": None}])
    assert (
        "unsupported_max: must lie between 0 and 1, is 2"
        in run("trust", "guarantee", "--input", source, "--unsupported-max", "2", status=2).err
    )
    for command in ("calibrate", "guarantee"):
        assert "confidence: must lie between" in run("trust", command, "--input", source, "--confidence", "1", status=2).err
        assert "absent.jsonl: cannot be read" in run("trust", command, "--input", "absent.jsonl", status=2).err
    assert "holds no label" in run("trust", "calibrate", "--input", write([{"id": 1, "trust": 0.5}]), status=2).err
    rare = write([{**GOOD, "id": place, "probability": 0.1} for place in range(3)])
    refused = run("trust", "guarantee", "--input", rare, "--probability-min", "0.2", status=2).err
    assert "labels.jsonl:1: probability: 0.1 is under the least of 0.2" in refused
    assert (
        "map.json: cannot be written" in run("trust", "calibrate", "--input", rare, "--output", "absent/map.json", status=2).err
    )
    assert (
        "is for one look" in run("trust", "guarantee", "--input", rare, "--sequential", "--test", "exact-binomial", status=2).err
    )


def test_the_concept_pages_table_is_that_of_the_program() -> None:
    page = (DOCS / "concepts" / "guarantee.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) % \| (\d+) % \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert len(rows) == 5
    for unsupported_max, confidence, *labels in rows:
        least = least_labels(int(unsupported_max) / 100, int(confidence) / 100)
        assert [int(each) for each in labels] == [int(least[errors]) for errors in (0, 1, 2, 5)]
