"""Makes this blueprint's encounter notes from the texts in `texts/`: seeded, so that anyone gets the same files again.

`data/encounters.jsonl` is what a hospital's export looks like, sound records and faulty ones; `data/planted.jsonl` says of
every fault which record has it, and where personal data stand. No text describes a real person.
Run ``python blueprints/medical-coding/make_sample_data.py``; `--check` compares with the files that are there.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from note_texts import notes, plain
from note_writing import FIRST_DAY, Writer

DATA = Path(__file__).parent / "data"
SEED = 20261128
PATIENTS = 180
ENCOUNTERS_OF_PATIENT = (1, 1, 2, 3, 3, 4, 5)
WITH_PERSONAL_DATA = 48

COPIES, NEAR_COPIES, WRONG_CHART, CONTRADICTIONS, SWAPPED, BROKEN_ENCODING = 14, 14, 4, 10, 14, 10
NEVER_CODES = ("E11.99Z", "I10.5", "J18.99", "K21.99", "M54.500", "N39.00", "X99.Z", "Q99.999")
HEADINGS = ("E11", "I21", "J44", "M17.1", "S52.5", "N18.3")
MISSPELT_CODES = ("I1O", "J-18-9", "ICD:E78", "K2l.9")
BAD_DATES = ("2024-13-05", "31.02.2024", "2024-02-30", "yesterday")
BROKEN_LINES = (
    '{"id": "enc-torn", "patient": "pt-020", "text": "torn off in the mid',
    '{"id": enc, "text": ]}',
    "%PDF-1.4 lab report",
)
PASTED_LOG_LINES = 130

Row = dict[str, Any]


class Maker:
    """The two files. Every random number comes from one seeded generator, so that the order of steps is part of the data."""

    def __init__(self) -> None:
        self.random = Random(SEED)
        self.writer = Writer(self.random)
        self.planted: list[Row] = []
        self._number = 1000

    def _id(self) -> str:
        self._number += 1
        return f"enc-{self._number}"

    def row(self, patient: str, day: str, kind: str, marked: str) -> Row:
        """A record from a marked text: its codes are those of its evidence."""
        text, evidence, personal = plain(marked)
        found = {"id": self._id(), "patient": patient, "date": day, "kind": kind, "text": text}
        if personal:
            spans = [{**each, "words": text[each["start"] : each["end"]]} for each in personal]
            self.planted.append({"id": found["id"], "kind": "personal data", "spans": spans})
        return {**found, "codes": sorted({each["label"] for each in evidence}), "evidence": evidence}

    def sound(self) -> list[Row]:
        """Every record without a fault: composed ones, those written by hand, some with personal data in them."""
        drafts: list[tuple[str, str, str, str]] = []
        for number in range(1, PATIENTS + 1):
            patient = self.writer.patient(number)
            for _ in range(self.random.choice(ENCOUNTERS_OF_PATIENT)):
                day = patient.seen.isoformat()
                kind, text = self.writer.encounter(patient)
                drafts.append((patient.id, day, kind, text))
        for place in sorted(self.random.sample(range(len(drafts)), WITH_PERSONAL_DATA)):
            patient_id, day, kind, text = drafts[place]
            head, tail = self.random.random() < 0.5, self._personal()
            drafts[place] = (patient_id, day, kind, f"{tail}\n{text}" if head else f"{text}\n{tail}")
        drafts += [(each.patient, each.date, each.kind, each.text) for each in notes("written_notes.txt")]
        return [self.row(*each) for each in drafts]

    def _personal(self) -> str:
        """A line with personal data, all fictional: 555 numbers, example domains, number ranges that nobody is given."""
        random, name = self.random, self.random.choice(self.writer.fillers["names"])
        born = FIRST_DAY - timedelta(days=random.randint(9000, 33000))
        return random.choice(self.writer.fillers["phi"]).format(
            name=name,
            birth=random.choice((born.isoformat(), f"{born:%d.%m.%Y}", f"{born:%m/%d/%Y}")),
            mrn=f"MRN{random.randint(1000000, 9999999)}",
            phone=f"({random.randint(201, 989)}) 555-01{random.randint(10, 99)}",
            mail=f"{name.split()[0].lower()}.{random.randint(10, 99)}@mail.example",
            address=random.choice(self.writer.fillers["streets"]),
            insurance=f"HX-{random.randint(100, 999)}-{random.randint(100000, 999999)}",
            ssn=f"9{random.randint(10, 99)}-{random.randint(10, 69)}-{random.randint(1000, 9999)}",
        )

    def _plant(self, kind: str, row: Row, **more: Any) -> Row:
        self.planted.append({"id": row["id"], "kind": kind, **more})
        return row

    def faulty(self, sound: list[Row]) -> list[Row]:
        """Records with one fault each, made from sound ones that keep their place."""
        clean = [each for each in sound if each["id"] not in {one["id"] for one in self.planted} and len(each["text"]) > 250]
        self.random.shuffle(clean)
        pool = iter(clean)
        made = [*self._copies(pool), *self._wrong_labels(pool)]

        def fresh(**changes: Any) -> Row:
            return {**self._rewritten(), **changes}

        made += [self._plant("unknown code", self._with_code(fresh(), code)) for code in NEVER_CODES]
        made += [self._plant("heading, not a usable code", self._with_code(fresh(), code)) for code in HEADINGS]
        made += [self._plant("misspelt code", self._with_code(fresh(), code)) for code in MISSPELT_CODES]
        made += [self._plant("no text", fresh(text="", evidence=[])) for _ in range(4)]
        made += [self._plant("no codes", fresh(codes=[])) for _ in range(4)]
        made += [self._plant("no patient", fresh(patient=None)) for _ in range(3)]
        made += [self._plant("no date", fresh(date=day)) for day in BAD_DATES]
        made += [self._plant("too short", fresh(text=text, evidence=[])) for text in self.writer.fillers["too_short"]]
        made += [self._plant("too long", self._with_log(fresh())) for _ in range(2)]
        for _ in range(4):
            row = fresh()
            far = len(row["text"]) + 40
            made.append(self._plant("evidence outside the text", {**row, "evidence": [{**row["evidence"][0], "end": far}]}))
        for each in notes("foreign_notes.txt"):
            made.append(
                self._plant("wrong language", self.row(each.patient, each.date, each.kind, each.text), language=each.language)
            )
        while sum(each["kind"] == "broken encoding" for each in self.planted) < BROKEN_ENCODING:
            row = self._rewritten("Pt café-au-lait spot, naïve to opioids, weight 71½ kg, creat 88 µmol/L – “stable”.")
            made.append(self._plant("broken encoding", {**row, "text": row["text"].encode().decode("cp1252", "replace")}))
        return made

    def _rewritten(self, added: str = "") -> Row:
        """A new note of a new patient, to be spoilt."""
        patient = self.writer.patient(300 + self._number % 600)
        day = patient.seen.isoformat()
        kind, text = self.writer.encounter(patient)
        return self.row(patient.id, day, kind, f"{text}\n{added}".strip())

    def _with_code(self, row: Row, code: str) -> Row:
        return {
            **row,
            "codes": [*row["codes"][1:], code],
            "evidence": [e for e in row["evidence"] if e["label"] != row["codes"][0]],
        }

    def _with_log(self, row: Row) -> Row:
        lines = [
            self.random.choice(self.writer.fillers["pasted_log"]).format(
                hour=self.random.randint(0, 9), minute=self.random.randint(0, 9)
            )
            for _ in range(PASTED_LOG_LINES)
        ]
        return {**row, "text": row["text"] + "\n" + "\n".join(lines)}

    def _copies(self, pool: Any) -> list[Row]:
        """The same note again: letter for letter, with a few words changed, or in another patient's chart."""
        made = []
        for _ in range(COPIES):
            of = next(pool)
            made.append(self._plant("copy", {**of, "id": self._id()}, of=of["id"]))
        for number in range(NEAR_COPIES + WRONG_CHART):
            of = next(pool)
            row = {**of, "id": self._id(), "date": _later(of["date"]), "text": of["text"] + self._tail()}
            if number >= NEAR_COPIES:
                row["patient"] = f"pt-{250 + number}"
            made.append(self._plant("near copy" if number < NEAR_COPIES else "near copy in another chart", row, of=of["id"]))
        return made

    def _tail(self) -> str:
        return " " + ", ".join(self.random.sample(self.writer.fillers["closing"], 1)) + "."

    def _wrong_labels(self, pool: Any) -> list[Row]:
        """Codes that the text does not bear: against a near-equal note, or against the text alone."""
        made = []
        for _ in range(CONTRADICTIONS):
            of = next(pool)
            codes = self._others(of["codes"])
            row = {**of, "id": self._id(), "text": of["text"] + self._tail(), "codes": codes, "evidence": []}
            made.append(self._plant("contradiction", row, of=of["id"]))
        for _ in range(SWAPPED):
            row = self._rewritten()
            made.append(
                self._plant("wrong codes", {**row, "codes": self._others(row["codes"]), "evidence": []}, true=row["codes"])
            )
        return made

    def _others(self, codes: list[str]) -> list[str]:
        return sorted(self.random.sample([each for each in self.writer.diagnoses if each not in codes], max(1, len(codes))))


def _later(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def files() -> dict[str, str]:
    """The two files' content by name."""
    maker = Maker()
    sound = maker.sound()
    rows = sound + maker.faulty(sound)
    maker.random.shuffle(rows)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    for line in BROKEN_LINES:
        lines.insert(maker.random.randrange(len(lines)), line)
    maker.planted += [{"id": None, "kind": "broken line", "line": lines.index(line) + 1} for line in BROKEN_LINES]
    planted = [json.dumps(row, ensure_ascii=False) for row in maker.planted]
    return {"encounters.jsonl": "\n".join(lines) + "\n", "planted.jsonl": "\n".join(planted) + "\n"}


def main() -> int:
    """Write the files, or with `--check` compare; 1 where one differs."""
    parser = argparse.ArgumentParser(description="Make the encounter notes of the medical-coding blueprint.")
    parser.add_argument("--check", action="store_true", help="compare with the files that are there, write nothing")
    check = parser.parse_args().check
    stale = 0
    for name, text in files().items():
        path = DATA / name
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"{path} is not what the script makes: run it without --check", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    raise SystemExit(main())
