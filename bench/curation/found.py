"""Compares what a curation dropped, kept and masked with what was planted."""

from __future__ import annotations

import gzip
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faults
import msgspec
import pyarrow.parquet as parquet
from generate import ENCOUNTERS

#: Dropped for these, a record had passed every check.
CHOSEN_BY_LOT = frozenset({"balanced out", "sampled out"})
COPY_REASONS = frozenset({"duplicate", "near-duplicate", "contradictory label", "near-equal text in two splits"})
#: Wrong labels in the test split stay: without what a model finds hard it would flatter.
LEFT = "label noise in the test split, left there"
WEAK_SORTS_MIN, WEAK_SORTS_BELOW = 5, 0.95
_TAG = re.compile(r"\[[A-Z_]{2,20}(?:_\d+)?\]")


@dataclass
class Found:
    name: str
    planted: int = 0
    found: int = 0
    named: int = 0


@dataclass
class Dropped:
    name: str
    dropped: int = 0
    right: int = 0
    named: int = 0


@dataclass
class Report:
    kinds: list[Found]
    reasons: list[Dropped]
    masked: dict[str, tuple[int, int]]
    weak_sorts: dict[str, tuple[int, int]]
    sound_kept: int = 0
    sound_masked: int = 0


@dataclass
class Outcome:
    """What became of the records. `reason_of`: by place; `passed`: ids that passed all checks; `texts`: kept ones by id."""

    reason_of: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)


def read_outcome(output: Path) -> Outcome:
    result = Outcome()
    for batch in parquet.ParquetFile(output / "dropped.parquet").iter_batches(columns=["id", "reason", "source"]):
        for row in batch.to_pylist():
            result.reason_of[row["source"].rpartition("/")[2]] = (row["id"], row["reason"])
            if row["reason"] in CHOSEN_BY_LOT:
                result.passed.add(row["id"])
    for batch in parquet.ParquetFile(output / "records.parquet").iter_batches(columns=["id", "text"]):
        for row in batch.to_pylist():
            result.passed.add(row["id"])
            result.texts[row["id"]] = row["text"]
    return result


def compare(truth_file: Path, output: Path, records: int) -> Report:
    """How much of the truth the folder `output` of a curation shows."""
    with gzip.open(truth_file, "rb") as stream:
        truth = [msgspec.json.decode(line) for line in stream]
    outcome = read_outcome(output)
    patients = max(1, records // ENCOUNTERS)
    people = People(truth, outcome, patients)
    kinds = {name: Found(name) for name in (*faults.KINDS, LEFT) if name != faults.PERSONAL}
    sorts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    copies: dict[str, set[str]] = defaultdict(set)
    for each in truth:
        if each["kind"] in (faults.EXACT, faults.NEAR):
            copies[each["group"]] |= {each["id"]}
    for each in truth:
        if each["kind"] == faults.PERSONAL:
            continue
        left = each["kind"] == faults.NOISE and each.get("split") == "test"
        found, dropped = _found(each, outcome, copies, people), outcome.reason_of.get(each["source"])
        kind, named = (
            kinds[LEFT if left else each["kind"]],
            dropped is not None and dropped[1] in faults.KINDS[each["kind"]].reasons,
        )
        kind.planted += 1
        kind.found += found
        kind.named += found and (named or dropped is None or dropped[1] in CHOSEN_BY_LOT or each["kind"] == faults.GROUP)
        sort = ": ".join(part for part in (each["kind"], each["sort"].partition(":")[0]) if part and each["kind"] != faults.NOISE)
        sort = LEFT if left else sort or faults.NOISE
        sorts[sort][0] += 1
        sorts[sort][1] += found
    weak = {
        name: (planted, found)
        for name, (planted, found) in sorts.items()
        if name != LEFT and planted >= WEAK_SORTS_MIN and found < WEAK_SORTS_BELOW * planted
    }
    masked, sound_kept, sound_masked = _masking(truth, outcome)
    return Report(list(kinds.values()), _drops(truth, outcome, people), masked, weak, sound_kept, sound_masked)


class People:
    """Which records are about whom, as far as it matters for leaks."""

    def __init__(self, truth: list[dict[str, Any]], outcome: Outcome, patients: int) -> None:
        self._patients = patients
        self._base = {
            each["id"]: each["group"] for each in truth if each["kind"] in (faults.EXACT, faults.NEAR, faults.CONTRADICTION)
        }
        self.torn = {each["group"] for each in truth if each["kind"] == faults.GROUP}
        self._leaks = {each["id"]: each["sort"].rpartition(" in ")[2] for each in truth if each["kind"] == faults.GROUP}
        self._splits: dict[str, set[str]] = defaultdict(set)
        for key in outcome.passed:
            if (patient := self.of(key)) in self.torn:
                self._splits[patient].add(self._leaks.get(key, "home"))

    def of(self, key: str) -> str | None:
        """The patient of the record with the id `key`."""
        key = self._base.get(key, key) or key
        return f"P{int(key[7:]) % self._patients:07d}" if key[7:].isdigit() else None

    def is_mended(self, patient: str) -> bool:
        return len(self._splits[patient]) < 2


def _found(each: dict[str, Any], outcome: Outcome, copies: dict[str, set[str]], people: People) -> bool:
    kind, key = each["kind"], each["id"]
    if kind == faults.GROUP:
        return people.is_mended(each["group"])
    if kind in (faults.EXACT, faults.NEAR):
        # Of the record and all its copies one may stay; every further one is a copy that was not found.
        if key == each["group"]:
            return each["source"] in outcome.reason_of or key in outcome.passed
        standing = sorted(({each["group"]} | copies[each["group"]]) & outcome.passed)
        return key not in standing[1:]
    dropped = outcome.reason_of.get(each["source"])
    return dropped is not None and dropped[1] not in CHOSEN_BY_LOT


def _drops(truth: list[dict[str, Any]], outcome: Outcome, people: People) -> list[Dropped]:
    kind_of = {each["source"]: each["kind"] for each in truth}
    bases = {each["group"] for each in truth if each["kind"] in (faults.EXACT, faults.NEAR, faults.CONTRADICTION)}
    found: dict[str, Dropped] = {}
    for source, (key, reason) in outcome.reason_of.items():
        if reason in CHOSEN_BY_LOT:
            continue
        each = found.setdefault(reason, Dropped(reason))
        kind = kind_of.get(source)
        torn = key is not None and reason == "group in two splits" and people.of(key) in people.torn
        copied = key in bases and reason in COPY_REASONS
        each.dropped += 1
        each.right += (kind is not None and kind != faults.PERSONAL) or torn or copied
        each.named += (kind is not None and reason in faults.KINDS[kind].reasons) or torn or copied
    total = Dropped("all", *(sum(getattr(each, name) for each in found.values()) for name in ("dropped", "right", "named")))
    return [*sorted(found.values(), key=lambda each: -each.dropped), total]


def _masking(truth: list[dict[str, Any]], outcome: Outcome) -> tuple[dict[str, tuple[int, int]], int, int]:
    counted: Counter[tuple[str, bool]] = Counter()
    faulty = {each["id"] for each in truth}
    for each in truth:
        text = outcome.texts.get(each["id"]) if each["kind"] == faults.PERSONAL else None
        if text is not None:
            for value in each["values"]:
                counted[value["type"], value["value"].lower() not in text.lower()] += 1
    types = {name for name, _ in counted}
    sound = [text for key, text in outcome.texts.items() if key not in faulty]
    masked = {name: (counted[name, True] + counted[name, False], counted[name, True]) for name in types}
    return masked, len(sound), sum(_TAG.search(text) is not None for text in sound)
