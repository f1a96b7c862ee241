"""All records judged together: contradictions, near copies, doubtful labels, splits and balance, the same however they lie."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.curation.conftest import BASE, Row, recipe_of, write_json_lines

from groundcrew.curation import portions, sources
from groundcrew.curation.pipeline import curate_records
from groundcrew.curation.sources import find_files
from groundcrew.curation.words import Words, band_keys, bands_for, fingerprints, shingles
from groundcrew.curation.work import Work

pytestmark = pytest.mark.usefixtures("daft")

VOCABULARY = [
    f"{first}{second}" for first in ("ka", "lo", "mi", "ne", "pu", "ra", "so", "ti") for second in ("dan", "fel", "gor", "hix")
]
NEAR = {"fields": ["text"], "threshold": 0.8}


def words(chance: random.Random, count: int = 40) -> list[str]:
    return [chance.choice(VOCABULARY) + str(chance.randrange(50)) for _ in range(count)]


def changed(text: Sequence[str], *places: int) -> str:
    return " ".join("other" + str(place) if place in places else word for place, word in enumerate(text))


def reasons(document: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, str]:
    """Why each dropped id was dropped, and the split of each kept one."""
    with TemporaryDirectory() as folder:
        source = write_json_lines(Path(folder) / "rows.jsonl", rows)
        made = curate_records(recipe_of({**BASE, **document}), find_files([source]), Work(Path(folder)))
        assert made.kept_count + made.dropped_count == len(rows)
        dropped = {each["id"]: each["reason"] for each in made.dropped().to_pylist()}
        kept = {made.people.id_of(each): split for each, split in zip(made.kept, made.splits(), strict=True)}
        return {**{key: f"kept {split}" if split else "kept" for key, split in kept.items()}, **dropped}


def test_of_near_equal_texts_the_first_stays_and_a_chain_is_no_group() -> None:
    text = words(random.Random(1))
    rows = [
        {"id": "a", "text": " ".join(text)},
        {"id": "b", "text": " ".join(text).upper() + " !"},  # Case and punctuation are no difference.
        {"id": "c", "text": changed(text, 3)},
        {"id": "d", "text": changed(text, 3, 12, 20, 30, 35)},  # Like c, not like a.
        {"id": "e", "text": " ".join(words(random.Random(2)))},
        {"id": "f", "text": "!!!"},
        {"id": "g", "text": "???"},
    ]
    assert reasons({"duplicates": {"near": NEAR}}, rows) == {
        **dict.fromkeys("adefg", "kept"),
        **dict.fromkeys("bc", "near-duplicate"),
    }


@pytest.mark.parametrize(
    ("keep", "labels", "lost"),
    [
        ("majority", "xx", ""),
        ("majority", "xy", "ab"),
        ("majority", "xxy", "c"),
        ("none", "xxy", "abc"),
        ("majority", "xxxyy", "de"),
        ("majority", "xxyyz", "abcde"),
    ],
)
def test_near_equal_texts_with_different_labels(keep: str, labels: str, lost: str) -> None:
    text = words(random.Random(3))
    rows = [{"id": "abcde"[place], "text": changed(text, place), "label": label} for place, label in enumerate(labels)]
    found = reasons({"label": {"field": "label"}, "contradictions": {"keep": keep, "threshold": 0.7}}, rows)
    assert "".join(key for key, reason in sorted(found.items()) if reason == "contradictory label") == lost


def test_a_record_that_comes_many_times_has_one_voice() -> None:
    text = " ".join(words(random.Random(4)))
    rows = [*({"id": "a", "text": text, "label": "x"} for _ in range(5)), {"id": "b", "text": text, "label": "y"}]
    found = reasons({"label": {"field": "label"}, "contradictions": {}}, rows)
    assert found == {"a": "contradictory label", "b": "contradictory label"}


def test_sets_of_labels_differ_by_what_is_in_them() -> None:
    text = " ".join(words(random.Random(5)))
    rows = [{"id": key, "text": text, "codes": codes} for key, codes in (("a", ["x", "y"]), ("b", ["y", "x"]), ("c", ["x"]))]
    found = reasons({"label": {"field": "codes", "multiple": True}, "contradictions": {}}, rows)
    assert found == {"a": "kept", "b": "kept", "c": "contradictory label"} | {"b": found["b"]}


def noisy(count: int, seed: int, share: float) -> tuple[list[dict[str, Any]], set[str]]:
    """Records whose text names their label by one of three words, some with another label."""
    chance = random.Random(seed)
    rows, wrong = [], set()
    for index in range(count):
        label = chance.randrange(8)
        text = [*words(chance, 30), f"sign{label}{chance.choice('abc')}"]
        chance.shuffle(text)
        if chance.random() < share:
            label = (label + chance.randrange(1, 8)) % 8
            wrong.add(f"n{index:05d}")
        rows.append({"id": f"n{index:05d}", "text": " ".join(text), "label": f"l{label}", "patient": f"p{index % 400}"})
    return rows, wrong


def test_labels_that_the_texts_speak_against_are_found() -> None:
    rows, wrong = noisy(2_000, 6, 0.03)
    found = reasons({"label": {"field": "label"}, "label_noise": {}, "group": "patient"}, rows)
    dropped = {key for key, reason in found.items() if reason == "doubtful label"}
    assert len(dropped & wrong) >= 0.9 * len(wrong)
    assert len(dropped & wrong) >= 0.95 * len(dropped)


def test_where_texts_say_nothing_of_labels_none_is_doubted() -> None:
    chance = random.Random(7)
    rows = [{"id": str(index), "text": " ".join(words(chance)), "label": chance.choice("xyz")} for index in range(400)]
    assert set(reasons({"label": {"field": "label"}, "label_noise": {}}, rows).values()) == {"kept"}


def test_the_test_split_keeps_its_doubtful_labels() -> None:
    rows, wrong = noisy(2_000, 6, 0.03)
    rows = [{**row, "fold": "test" if index % 5 == 0 else "train"} for index, row in enumerate(rows)]
    document = {"label": {"field": "label"}, "label_noise": {}, "split": {"field": "fold", "near": None}}
    found = reasons(document, rows)
    tested = {row["id"] for row in rows if row["fold"] == "test"}
    dropped = {key for key, reason in found.items() if reason == "doubtful label"}
    assert not dropped & tested
    assert len(dropped & wrong) >= 0.8 * len(wrong - tested)
    everywhere = reasons({**document, "label_noise": {"splits": ["train", "validation", "test"]}}, rows)
    assert {key for key, reason in everywhere.items() if reason == "doubtful label"} & wrong & tested


def test_a_label_that_no_word_tells_is_not_judged() -> None:
    chance = random.Random(8)
    rows, wrong = noisy(2_000, 6, 0.03)
    rows += [{"id": f"v{index:05d}", "text": " ".join(words(chance, 31)), "label": "vague"} for index in range(150)]
    rows += [{"id": f"r{index}", "text": " ".join(words(chance, 31)), "label": "rare"} for index in range(5)]
    with TemporaryDirectory() as folder:
        source = write_json_lines(Path(folder) / "rows.jsonl", rows)
        recipe = recipe_of({**BASE, "label": {"field": "label"}, "label_noise": {}})
        made = curate_records(recipe, find_files([source]), Work(Path(folder)))
    dropped = {each["id"] for each in made.dropped().to_pylist()}
    assert not {key for key in dropped if key.startswith(("v", "r"))}
    assert len(dropped & wrong) >= 0.9 * len(wrong)
    told = {"judged": 8, "of too few records to judge": 1, "not judged, since words do not tell them for sure": 1}
    assert made.judged.labels_told == told


def test_where_right_labels_are_not_clearly_apart_nothing_is_dropped_unless_that_is_wanted() -> None:
    chance = random.Random(9)
    rows: list[dict[str, Any]] = []
    for index in range(600):
        label = chance.randrange(6)
        hints = [f"hint{label if chance.random() < 0.7 else chance.randrange(6)}{chance.randrange(12)}" for _ in range(3)]
        rows.append({"id": f"h{index:04d}", "text": " ".join([*words(chance, 20), *hints]), "label": f"l{label}"})
    document: dict[str, Any] = {"label": {"field": "label"}, "label_noise": {}}
    assert set(reasons(document, rows).values()) == {"kept"}
    assert "doubtful label" in reasons({**document, "label_noise": {"when_unsure": "drop"}}, rows).values()


SPLIT = {"train": 0.8, "validation": 0.1, "test": 0.1}


def test_a_group_is_never_torn_and_shares_are_kept() -> None:
    chance = random.Random(8)
    rows = [{"id": str(index), "text": " ".join(words(chance)), "who": f"g{index // 3}"} for index in range(1_500)]
    found = reasons({"group": "who", "split": {**SPLIT, "by": "group"}}, rows)
    by_group: dict[str, set[str]] = {}
    for row in rows:
        by_group.setdefault(row["who"], set()).add(found[row["id"]])
    assert all(len(each) == 1 for each in by_group.values())
    assert Counter(found.values())["kept train"] == pytest.approx(1_200, abs=90)


def test_time_divides_and_a_patient_of_two_times_stays_in_one_split() -> None:
    chance = random.Random(9)
    rows = [
        {
            "id": f"{day:02d}",
            "text": " ".join(words(chance)),
            "day": f"2024-01-{day:02d}",
            "who": "p" if day in (1, 2, 28) else f"q{day}",
        }
        for day in range(1, 31)
    ]
    found = reasons({"time": "day", "group": "who", "split": {"train": 0.8, "test": 0.2, "by": "time"}}, rows)
    assert {key for key, each in found.items() if each == "kept test"} == {"25", "26", "27", "29", "30"}
    assert found["28"] == "group in two splits"
    assert found["01"] == "kept train"


def test_leaks_are_found_in_splits_that_records_bring() -> None:
    chance = random.Random(10)
    text = words(chance)
    days = {"train": "2023-05-{:02d}", "validation": "2023-08-{:02d}", "test": "2023-11-{:02d}"}
    rows = [
        {
            "id": f"{split}{index}",
            "text": " ".join(words(chance)),
            "fold": split,
            "day": form.format(index),
            "who": f"{split}{index}",
        }
        for split, form in days.items()
        for index in range(1, 9)
    ]
    rows[0] |= {"text": " ".join(text)}
    rows[-1] |= {"text": changed(text, 5)}
    rows[1] |= {"day": "2023-12-24"}
    rows[9] |= {"who": "train3"}
    rows[10] |= {"who": "train3"}
    rows[11]["fold"] = "neither"
    found = reasons({"time": "day", "group": "who", "split": {"field": "fold", "by": "time"}}, rows)
    assert {key: each for key, each in found.items() if not each.startswith("kept")} == {
        "train1": "near-equal text in two splits",
        "train2": "time of another split",
        "train3": "group in two splits",
        "validation4": "wrong type",
    }


def test_balance_cuts_what_is_frequent_and_drops_what_is_rare() -> None:
    rows = [
        {"id": f"{index:03d}", "text": f"text {index}", "label": "x" if index < 60 else "y" if index < 90 else "z"}
        for index in range(95)
    ]
    document = {"label": {"field": "label"}, "balance": {"max_per_label": 40, "min_per_label": 10}}
    found = reasons(document, rows)
    assert Counter(found.values()) == {"kept": 70, "balanced out": 20, "rare label": 5}
    assert found == reasons(document, rows[::-1])
    stratified = reasons({"label": {"field": "label"}, "sample": {"n": 19, "seed": 3, "stratify": "label"}}, rows)
    kept = Counter(row["label"] for row in rows if stratified[row["id"]] == "kept")
    assert kept == {"x": 12, "y": 6, "z": 1}


EVERYTHING: dict[str, Any] = {
    "label": {"field": "label"},
    "group": "patient",
    "contradictions": {},
    "duplicates": {"exact": ["text"], "near": NEAR},
    "label_noise": {"min_records": 5},
    "split": {**SPLIT, "by": "group"},
    "balance": {"max_per_label": 60, "min_per_label": 3},
    "sample": {"n": 300, "seed": 1, "stratify": "label"},
}


def test_nothing_depends_on_how_the_input_is_divided(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows, _ = noisy(500, 11, 0.05)
    for index in range(0, 60, 3):
        rows.append({**rows[index], "id": f"m{index:05d}", "text": rows[index]["text"] + " more"})
        rows.append({**rows[index], "id": f"o{index:05d}", "label": "l0"})
    recipe = recipe_of({**BASE, **EVERYTHING})

    def run(order: list[dict[str, Any]], parts: int) -> tuple[str, dict[str, str]]:
        with TemporaryDirectory() as folder:
            for part in range(parts):
                suffix = ".jsonl.gz" if part % 2 else ".jsonl"
                write_json_lines(Path(folder) / f"{part}{suffix}", order[part::parts])
            made = curate_records(recipe, find_files([folder]), Work(Path(folder)))
            return made.revision, {each["id"]: each["detail"] for each in made.dropped().to_pylist()}

    one = run(rows, 1)
    monkeypatch.setattr(sources, "CUT_BYTES", 9_000)
    monkeypatch.setattr(portions, "CUT_BYTES", 9_000)
    monkeypatch.setattr(portions, "WHOLE_BYTES_MAX", 5_000)
    monkeypatch.setattr(portions, "PART_ROWS_MAX", 50)
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0})
    assert run(random.Random(12).sample(rows, len(rows)), 3) == one


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=12), min_size=1, max_size=8), st.integers(1, 3))
def test_shingles_are_the_runs_of_words(texts: list[list[str]], size: int) -> None:
    sets = shingles(*Words().hashes(texts), size)
    runs = [
        {tuple(each[at : at + min(size, len(each))]) for at in range(max(len(each) - size, 0) + 1)} if each else set()
        for each in texts
    ]
    assert [len(sets.of(place)) for place in range(len(texts))] == [len(each) for each in runs]
    prints = fingerprints(sets)
    for one, first in enumerate(runs):
        for other, second in enumerate(runs):
            assert (prints[one] == prints[other]) == (first == second)
            common = len(np.intersect1d(sets.of(one), sets.of(other)))
            assert common == len(first & second)


def test_the_cut_of_signatures_finds_pairs_at_the_threshold(daft: Any) -> None:
    chance = random.Random(13)
    bases = [words(chance, 60) for _ in range(300)]
    pairs = [(each, changed(each, *chance.sample(range(60), 2)).split()) for each in bases]
    bands = bands_for(0.8)
    one, other = (band_keys(daft, [pair[side] for pair in pairs], 2, 7, bands) for side in (0, 1))
    assert (one == other).any(axis=1).mean() >= 0.98
    assert (one == np.roll(other, 1, axis=0)).any(axis=1).mean() <= 0.02
    assert bands_for(0.85).rows > bands_for(0.6).rows >= 1
