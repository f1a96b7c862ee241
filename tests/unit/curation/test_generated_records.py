"""The benchmark's generator: the same seed gives the same bytes, sound records are sound, and the truth tells what is wrong."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from groundcrew.code_systems.catalogue import code_system
from groundcrew.curation.text_checks import encoding_problem, language_problem

BENCH = Path(__file__).parents[3] / "bench" / "curation"
RECORDS = 1_200


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    names = ("generate", "faults", "notes", "vocabulary", "foreign", "identities", "found")
    sys.path.insert(0, str(BENCH))
    try:
        import generate

        yield generate
    finally:
        sys.path.remove(str(BENCH))
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def written(generate: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    (folder / "records").mkdir()
    for part in range(4):
        generate.write_part(RECORDS, 7, part, RECORDS * part // 4, RECORDS * (part + 1) // 4, str(folder))
    return folder


def truth_of(folder: Path) -> list[dict[str, Any]]:
    lines = [line for path in sorted(folder.glob("truth-*.gz")) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return [json.loads(line) for line in lines]


def test_the_same_seed_gives_the_same_bytes(generate: ModuleType, written: Path, tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    generate.write_part(RECORDS, 7, 1, RECORDS // 4, RECORDS // 2, str(tmp_path))
    for name in ("truth-001.gz", "records/export-001.jsonl.gz"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_every_kind_is_planted_and_said_where(generate: ModuleType, written: Path) -> None:
    truth = truth_of(written)
    assert {each["kind"] for each in truth} == set(generate.KINDS)
    assert all(each["source"].startswith("export-") for each in truth)
    assert 0.3 < len(truth) / RECORDS < 0.4
    personal = Counter(value["type"] for each in truth if each["kind"] == "personal data" for value in each["values"])
    assert personal["PERSON"] > 10


def test_sound_records_are_sound_and_unlike_each_other(generate: ModuleType) -> None:
    plan, system = generate.Plan(RECORDS, 7), code_system("icd-10-cm")
    sound = [plan.sound(number)[0] for number in range(300) if plan.fault_of(number) is None]
    for each in sound:
        assert encoding_problem(each["text"]) is None
        assert language_problem(each["text"], ("en",)) is None
        assert 60 <= len(each["text"].split()) <= 150
        assert all(system.is_usable(code) for code in each["codes"])
        assert {span["label"] for span in each["evidence"]} == set(each["codes"])
        assert all(each["text"][span["start"] : span["end"]].strip() for span in each["evidence"])
    faults = sys.modules["faults"]
    likest = max(faults.likeness(one["text"], other["text"]) for place, one in enumerate(sound) for other in sound[:place])
    assert likest < 0.6


def test_copies_are_as_like_as_they_say(generate: ModuleType) -> None:
    plan, faults = generate.Plan(RECORDS, 7), sys.modules["faults"]
    near = [number for number in range(RECORDS) if plan.fault_of(number) == faults.NEAR][:20]
    for number in near:
        made = generate.make(plan, number, "jsonl")
        base, _ = plan.sound(plan.base_of(number))
        assert faults.likeness(made.record["text"], base["text"]) >= 0.85
        assert made.record["id"] != base["id"]
        assert (made.record["patient"], made.group) == (base["patient"], base["id"])


def test_the_comparison_counts_what_was_found(generate: ModuleType, written: Path, tmp_path: Path) -> None:
    import found
    import pyarrow as pa
    import pyarrow.parquet as parquet

    truth = truth_of(written)
    (tmp_path / "truth.jsonl.gz").write_bytes(b"".join(path.read_bytes() for path in sorted(written.glob("truth-*.gz"))))
    short = [each for each in truth if each["kind"] == "too short"]
    rows = [{"id": each["id"], "reason": "too short", "detail": "", "source": f"/x/{each['source']}"} for each in short[1:]]
    rows.append({"id": "E0000000000000", "reason": "near-duplicate", "detail": "", "source": "/x/export-000.jsonl.gz:0"})
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "dropped.parquet")
    parquet.write_table(pa.table({"id": [short[0]["id"]], "text": ["n/a"]}), tmp_path / "records.parquet")
    measured = found.compare(tmp_path / "truth.jsonl.gz", tmp_path, RECORDS)
    (kind,) = [each for each in measured.kinds if each.name == "too short"]
    assert (kind.planted, kind.found, kind.named) == (len(short), len(short) - 1, len(short) - 1)
    total = measured.reasons[-1]
    assert (total.dropped, total.right) == (len(rows), len(rows) - 1)
