"""Scoring of files: the contracts' row format, bad rows by line number, gzip in and out, nothing half-written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from groundcrew.errors import InputError
from groundcrew.grounding.batch import read_rows, score_file, score_rows
from groundcrew.grounding.trust import TrustScorer

GOOD = {"id": "a", "sources": ["The card costs CHF 48 per year."], "answer": "The card costs CHF 48 per year."}
BAD = {
    "id": 7,
    "sources": ["The card costs CHF 48 per year."],
    "question": None,
    "answer": "The card costs CHF 84 per year.",
    "x": [1],
}


@pytest.fixture
def scorer() -> TrustScorer:
    return TrustScorer(None)


def test_rows_have_the_contracts_shape(scorer: TrustScorer) -> None:
    good, bad = score_rows([json.dumps(GOOD), "", json.dumps(BAD)], scorer=scorer)
    assert good["id"] == "a"
    assert good["trust"] > 0.9
    assert good["claims"] == [{"start": 0, "end": 31, "support": 0.99, "source": 0, "quote": [0, 31], "decided_by": "verbatim"}]
    assert good["unsupported"] == []
    assert bad["id"] == 7
    assert bad["trust"] <= 0.2
    assert bad["unsupported"] == [[0, 31]]
    assert bad["claims"][0]["contradicted"] is True


def test_null_and_no_sources(scorer: TrustScorer) -> None:
    empty, none = score_rows(
        [
            json.dumps({"id": "e", "sources": ["x"], "answer": ""}),
            json.dumps({"id": "n", "sources": [], "answer": "It is blue."}),
        ],
        scorer=scorer,
    )
    assert empty["trust"] is None
    assert empty["reason"]
    assert none["trust"] == 0
    assert none["unsupported"] == [[0, 11]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: must be an object"),
        (json.dumps({**GOOD, "answer": None}), "line 2: answer: is missing"),
        (json.dumps({"id": "a", "answer": "x"}), "line 2: sources: is missing"),
        (json.dumps({**GOOD, "sources": "text"}), "line 2: sources: Expected `array`"),
        (json.dumps({**GOOD, "sources": [1]}), "line 2: sources: Expected `str`"),
        (json.dumps({**GOOD, "answer": 5}), "line 2: answer: Expected `str`"),
        (json.dumps({**GOOD, "id": True}), "line 2: id: must be text or a whole number"),
    ],
)
def test_a_bad_row_names_its_line(scorer: TrustScorer, row: str, message: str) -> None:
    rows = score_rows([json.dumps(GOOD), row], scorer=scorer)
    assert next(rows)["id"] == "a"
    with pytest.raises(InputError) as error:
        next(rows)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("packed_in", [False, True])
@pytest.mark.parametrize("packed_out", [False, True])
def test_files(tmp_path: Path, scorer: TrustScorer, packed_in: bool, packed_out: bool) -> None:
    text = "".join(json.dumps({**GOOD, "id": number}) + "\n" for number in range(250))
    source, target = tmp_path / "in.jsonl", tmp_path / ("out.jsonl.gz" if packed_out else "out.jsonl")
    source.write_bytes(gzip.compress(text.encode()) if packed_in else text.encode())
    seen: list[int] = []
    assert score_file(source, target, seen.append, scorer=scorer) == 250
    assert seen == [100, 200, 250]
    raw = target.read_bytes()
    rows = [json.loads(line) for line in (gzip.decompress(raw) if packed_out else raw).decode().splitlines()]
    assert [row["id"] for row in rows] == list(range(250))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source.name, target.name])


def test_a_failed_run_leaves_the_old_output(tmp_path: Path, scorer: TrustScorer) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(GOOD) + "\nbroken\n", encoding="utf-8")
    target.write_text("old", encoding="utf-8")
    with pytest.raises(InputError) as error:
        score_file(source, target, scorer=scorer)
    assert f"{source}:2: not JSON" in str(error.value)
    assert target.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_unreadable_files(tmp_path: Path, scorer: TrustScorer) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_rows(tmp_path / "missing.jsonl"))
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(gzip.compress(b"x" * 5000)[:-9])
    with pytest.raises(InputError, match="broken gzip"):
        list(read_rows(broken))
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"id": "\xe9"}\n')
    with pytest.raises(InputError, match="not UTF-8"):
        list(read_rows(latin))
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(GOOD), encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        score_file(source, tmp_path / "no" / "out.jsonl", scorer=scorer)
