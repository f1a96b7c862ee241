"""Writes encounter records as a hospital's exports hold them, with planted faults of every kind, and which record has which.

    python bench/curation/generate.py --records 1000000 --seed 7 --output FOLDER

FOLDER/records holds JSON Lines (gzipped), CSV and Parquet parts; FOLDER/truth.jsonl.gz names every record with a fault by its
place (file and line) and id. Sound records are sound and unlike each other; every record is a function of the seed and its
number, so that parts are written by several processes and the same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import faults
import notes
from faults import KINDS, Record
from identities import plant
from notes import Writer

from groundcrew.code_systems.catalogue import code_system

PART_RECORDS_MAX = 50_000
PARTS_MIN = 5
FORMS = ("jsonl", "jsonl", "csv", "parquet", "jsonl")
FIELDS = ("id", "patient", "encounter_date", "department", "note_type", "text", "codes", "evidence", "assigned_split")
#: Encounters of one patient, on average.
ENCOUNTERS = 3
WINDOWS = {
    "train": (date(2016, 1, 1), date(2021, 12, 31)),
    "validation": (date(2022, 1, 1), date(2022, 12, 31)),
    "test": (date(2023, 1, 1), date(2024, 6, 30)),
}
SPLITS = tuple(WINDOWS)
#: Labels of which there are few: so many, and so many records of all of them at most.
RARE_LABELS, RARE_RECORDS_MAX = 60, 480
ODD_CODE_SHARE = 0.03
MIX = 0x9E3779B97F4A7C15
LIMIT = 2**64 - 1
#: Which record has which fault; and of what the folder was made, written last.
TRUTH, MADE = "truth.jsonl.gz", "made.json"
GENERATOR = ("generate", "faults", "foreign", "identities", "notes", "vocabulary")


def mixed(*numbers: int) -> int:
    """64 bits that depend on all of `numbers` (the finaliser of SplitMix64, Steele 2014)."""
    value = 0
    for number in numbers:
        value = (value + number + MIX) & LIMIT
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & LIMIT
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & LIMIT
        value ^= value >> 31
    return value


@dataclass
class Plan:
    """Which record has which fault, and how a sound one is written."""

    records: int
    seed: int
    writer: Writer = field(default_factory=Writer)

    def __post_init__(self) -> None:
        self.system = code_system("icd-10-cm")
        self.patients = max(1, self.records // ENCOUNTERS)
        shares = {kind: each.share for kind, each in KINDS.items()}
        shares[faults.RARE] = min(shares[faults.RARE], RARE_RECORDS_MAX / self.records)
        self._steps: list[tuple[float, str]] = []
        total = 0.0
        for kind, share in shares.items():
            total += share
            self._steps.append((total, kind))
        known = {each.code for each in notes.CONDITIONS}
        usable = [each for each in self.system.codes.values() if each.usable and each.code not in known and len(each.title) < 60]
        self.rare = [usable[mixed(self.seed, 1, number) % len(usable)] for number in range(RARE_LABELS)]

    def fault_of(self, number: int) -> str | None:
        drawn = mixed(self.seed, 2, number) / LIMIT
        return next((kind for limit, kind in self._steps if drawn < limit), None)

    def split_of(self, patient: int) -> str:
        drawn = mixed(self.seed, 3, patient) / LIMIT
        return "train" if drawn < 0.8 else "validation" if drawn < 0.9 else "test"

    def base_of(self, number: int) -> int:
        """A sound record for a copy to be made of."""
        turn = 0
        while True:
            place = mixed(self.seed, 4, number, turn) % self.records
            if self.fault_of(place) is None:
                return place
            turn += 1

    def sound(self, number: int, *, kind: str | None = None) -> tuple[Record, dict[str, Any]]:
        """The record `number` without its fault, and what was planted where `kind` is rare or personal."""
        writer = self.writer
        writer.random.seed(mixed(self.seed, 5, number))
        patient = number % self.patients
        split = self.split_of(patient)
        day = self.day_in(split)
        person = notes.person_of(mixed(self.seed, 6, patient))
        age = min(99, person.age + day.year - WINDOWS["train"][0].year)
        rare, planted = None, {}
        if kind == faults.RARE:
            place = mixed(self.seed, 7, number) % RARE_LABELS
            rare = (place, self.rare[place].title)
            planted = {"codes": [self.rare[place].code]}
        marked, main, note_type = notes.write_note(writer, person, age, rare=rare)
        if kind == faults.PERSONAL:
            marked, values = plant(writer, marked)
            planted = {"values": values}
        text, codes, evidence = notes.read_marks(marked, [each.code for each in self.rare])
        record = {
            "id": f"E{mixed(self.seed, 8, number) % 10**6:06d}{number:07d}",
            "patient": f"P{patient:07d}",
            "encounter_date": day.isoformat(),
            "department": notes.department_of(writer, main),
            "note_type": note_type,
            "text": text,
            "codes": codes,
            "evidence": evidence,
            "assigned_split": split,
        }
        return record, planted

    def day_in(self, split: str) -> date:
        first, last = WINDOWS[split]
        return first + timedelta(days=int(self.writer.chance() * ((last - first).days + 1)))

    def other_split(self, split: str) -> str:
        return str(self.writer.pick([each for each in SPLITS if each != split]))


def oddly_written(writer: Writer, record: Record) -> Record:
    """`record` with its codes written as some systems write them, which is no fault."""
    way = writer.pick((str.lower, lambda code: code.replace(".", ""), lambda code: f" {code}"))
    for old in list(record["codes"]):
        record = faults.relabel(record, old, way(old))
    return record


def moved_evidence(record: Record, text: str) -> Record:
    """`record` with `text` in the place of its own, and its evidence where the words are now."""
    lowered, found = text.lower(), []
    for each in record["evidence"]:
        words = record["text"][each["start"] : each["end"]].lower()
        place = lowered.find(words, max(0, each["start"] - 80))
        if place >= 0 and len(lowered) == len(text):
            found.append({**each, "start": place, "end": place + len(words)})
    return {**record, "text": text, "evidence": found}


@dataclass
class Made:
    """One record as it is to be written. `raw`: the line itself, in the place of the record."""

    record: Record
    kind: str | None = None
    sort: str = ""
    group: str | None = None
    raw: str | bytes | None = None
    more: dict[str, Any] = field(default_factory=dict)


def make(plan: Plan, number: int, form: str) -> Made:
    """The record `number` with its fault, for a part of the format `form`."""
    kind, writer = plan.fault_of(number), plan.writer
    if kind == faults.UNREADABLE and form == "parquet":
        kind = faults.MISSING
    if kind in _COPIES:
        return _copy(plan, number, str(kind))
    record, planted = plan.sound(number, kind=kind)
    if kind is None:
        odd = writer.chance() < ODD_CODE_SHARE
        return Made(oddly_written(writer, record) if odd else record)
    if kind in (faults.RARE, faults.PERSONAL):
        return Made(record, kind, more=planted)
    return _spoiled(plan, record, kind, form)


def _spoiled(plan: Plan, record: Record, kind: str, form: str) -> Made:
    writer = plan.writer
    if kind == faults.UNREADABLE:
        line = json_line(record) if form == "jsonl" else csv_row(record)
        raw, sort = faults.break_line(writer, line, form)
        return Made(record, kind, sort, raw=raw)
    if kind == faults.ENCODING:
        text, sort = faults.damage_encoding(writer, record["text"], form)
        if isinstance(text, str):
            return Made({**record, "text": text}, kind, sort)
        line = json_line({**record, "text": "HEREGOES"}) if form == "jsonl" else csv_row({**record, "text": "HEREGOES"})
        before, _, after = line.partition("HEREGOES")
        inside = text.replace(b"\\", b"").replace(b'"', b"'" if form == "jsonl" else b'""')
        inside = inside.replace(b"\n", b"\\n") if form == "jsonl" else b'"' + inside + b'"'
        return Made(record, kind, sort, raw=before.encode() + inside + after.encode())
    if kind == faults.LANGUAGE:
        text, sort = faults.foreign(writer)
        return Made({**record, "text": text, "evidence": []}, kind, sort)
    if kind == faults.SHORT:
        return Made({**record, "text": writer.pick(faults.SHORT_TEXTS), "evidence": []}, kind)
    if kind == faults.LONG:
        person = notes.person_of(int(writer.chance() * 10**9))
        texts = [
            notes.read_marks(notes.write_note(writer, person, person.age)[0], [])[0] for _ in range(9 + int(writer.chance() * 8))
        ]
        return Made({**record, "text": "\n\n".join((record["text"], *texts))}, kind, "copied forward")
    if kind == faults.NOISE:
        old = record["codes"][-1] if writer.chance() < 0.3 else record["codes"][0]
        new = faults.other_code(writer, record["codes"])
        return Made(faults.relabel(record, old, new), kind, f"{old} as {new}")
    if kind == faults.GROUP:
        split = plan.other_split(record["assigned_split"])
        moved = {**record, "assigned_split": split, "encounter_date": plan.day_in(split).isoformat()}
        return Made(moved, kind, f"{record['assigned_split']} in {split}", group=record["patient"])
    if kind == faults.TIME:
        split = plan.other_split(record["assigned_split"])
        return Made(
            {**record, "encounter_date": plan.day_in(split).isoformat()}, kind, f"{record['assigned_split']} dated in {split}"
        )
    changed, sort = {
        faults.MISSING: lambda: faults.remove_field(writer, record, form),
        faults.TYPE: lambda: faults.change_type(writer, record, form),
        faults.CODE: lambda: faults.spoil_code(writer, record, plan.system),
        faults.EVIDENCE: lambda: faults.misplace_evidence(writer, record),
    }[kind]()
    return Made(changed, kind, sort)


_COPIES = frozenset({faults.EXACT, faults.NEAR, faults.CONTRADICTION})


def _copy(plan: Plan, number: int, kind: str) -> Made:
    """A copy of a sound record under another number."""
    writer = plan.writer
    base = plan.base_of(number)
    record, _ = plan.sound(base)
    if writer.chance() < ODD_CODE_SHARE:
        record = oddly_written(writer, record)
    writer.random.seed(mixed(plan.seed, 9, number))
    own_id = f"E{mixed(plan.seed, 8, number) % 10**6:06d}{number:07d}"
    group = f"{record['id']}"
    if kind == faults.EXACT:
        sort = writer.pick(("the same id", "another id", "another id", "the same id, another department"))
        if sort == "another id":
            record = {**record, "id": own_id}
        elif sort != "the same id":
            record = {**record, "department": writer.pick(notes.DEPARTMENTS)}
        return Made(record, kind, sort, group)
    text, edit, alike = faults.nearly_the_same(writer, record["text"])
    more = {"likeness": round(alike, 4)}
    copied = {**moved_evidence(record, text), "id": own_id}
    if kind == faults.NEAR:
        return Made(copied, kind, edit, group, more=more)
    if writer.chance() < 0.3:
        copied = {**record, "id": own_id}
        more, edit = {"likeness": 1.0}, "the same text"
    old, new = copied["codes"][0], faults.other_code(writer, copied["codes"])
    return Made(faults.relabel(copied, old, new), kind, f"{edit}: {old} as {new}", group, more=more)


def json_line(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def csv_row(record: Record) -> str:
    """The record as a row of CSV, without its line end: lists of codes with bars between them, spans as JSON."""
    cells = [record.get(each, "") for each in FIELDS]
    cells[6] = "|".join(cells[6]) if isinstance(cells[6], list) else cells[6]
    cells[7] = json.dumps(cells[7], separators=(",", ":")) if not isinstance(cells[7], str) else cells[7]
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(cells)
    return written.getvalue()


def write_part(records: int, seed: int, part: int, first: int, last: int, folder: str) -> int:
    """Write the records from `first` to before `last` into one file, and its share of the truth."""
    plan, form = Plan(records, seed), FORMS[part % len(FORMS)]
    name = f"export-{part:03d}.{'jsonl.gz' if form == 'jsonl' else form}"
    made = (make(plan, number, form) for number in range(first, last))
    write = {"jsonl": _write_json_lines, "csv": _write_csv, "parquet": _write_parquet}[form]
    with gzip.GzipFile(Path(folder, f"truth-{part:03d}.gz"), "wb", compresslevel=1, mtime=0) as truth:
        for line, each in write(Path(folder, "records", name), made):
            if each.kind is not None:
                said = {
                    "source": f"{name}:{line}",
                    "id": each.record.get("id") or "",
                    "kind": each.kind,
                    "sort": each.sort,
                    "group": each.group,
                    "split": each.record.get("assigned_split"),
                    **each.more,
                }
                truth.write(json_line(said).encode() + b"\n")
    return last - first


def _write_json_lines(path: Path, made: Any) -> Any:
    with gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as stream:
        for line, each in enumerate(made, start=1):
            raw = each.raw if each.raw is not None else json_line(each.record)
            try:
                stream.write((raw if isinstance(raw, bytes) else raw.encode()) + b"\n")
            except UnicodeEncodeError:  # half of a pair goes as its escape
                stream.write(json.dumps(each.record).encode() + b"\n")
            yield line, each


def _write_csv(path: Path, made: Any) -> Any:
    with path.open("wb") as stream:
        stream.write(",".join(FIELDS).encode() + b"\n")
        line = 2
        for each in made:
            raw = each.raw if each.raw is not None else csv_row(each.record)
            data = raw if isinstance(raw, bytes) else raw.encode()
            stream.write(data + b"\n")
            yield line, each
            # Python's reader counts every kind of line end, in cells too.
            line += 1 + data.count(b"\n") + data.count(b"\r")


def _write_parquet(path: Path, made: Any) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    texts = [(each, pa.string()) for each in FIELDS]
    spans = pa.list_(pa.struct([("label", pa.string()), ("start", pa.int64()), ("end", pa.int64())]))
    schema = pa.schema([*texts[:6], ("codes", pa.list_(pa.string())), ("evidence", spans), texts[8]])
    rows: list[Record] = []
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for line, each in enumerate(made, start=1):
            rows.append(each.record)
            if len(rows) == 10_000:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows = []
            yield line, each
        writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def sources_digest() -> str:
    """Of the generator itself: what another one has written is not used."""
    return hashlib.sha256(
        b"".join(each.read_bytes() for each in (Path(__file__).with_name(f"{name}.py") for name in GENERATOR))
    ).hexdigest()


def generate(records: int, seed: int, output: Path, *, processes: int = 2) -> float:
    """Write all parts and the truth into `output`, which is made anew unless it holds the same already; returns the seconds that
    it took."""
    started = time.monotonic()
    made_of = json.dumps({"records": records, "seed": seed, "generator": sources_digest()})
    if (output / MADE).is_file() and (output / MADE).read_text() == made_of:
        return 0.0
    shutil.rmtree(output, ignore_errors=True)
    (output / "records").mkdir(parents=True)
    parts = max(PARTS_MIN, -(-records // PART_RECORDS_MAX))
    edges = [records * part // parts for part in range(parts + 1)]
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(write_part, records, seed, part, edges[part], edges[part + 1], str(output)) for part in range(parts)]
        for job in jobs:
            job.result()
    with (output / TRUTH).open("wb") as whole:
        for path in sorted(output.glob("truth-*.gz")):
            whole.write(path.read_bytes())
            path.unlink()
    (output / MADE).write_text(made_of)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.records < 1_000:
        parser.error("at least 1,000 records: rarer faults would be missing")
    seconds = generate(options.records, options.seed, options.output, processes=options.processes)
    print(f"{options.records:,} records in {seconds:.0f} s: {options.output}")


if __name__ == "__main__":
    main()
