# ruff: noqa: E501 - patterns and reports, one a line
"""Reads the labelled and unlabelled texts that the network learns from and is measured on, in our types, split into folds by
sentence pattern and by note. The data sets lie outside of the repository and are not copied."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from pathlib import Path

import names
import values
from generate import Example, Span, joined

#: presidio-research → ours; types that are not named here are nobody's (titles, nationalities).
TYPES = {
    "PERSON": "PERSON",
    "STREET_ADDRESS": "ADDRESS",
    "ADDRESS": "ADDRESS",
    "ZIP_CODE": "ADDRESS",
    "GPE": "LOCATION",
    "LOCATION": "LOCATION",
    "ORGANIZATION": "ORG",
    "DATE_TIME": "DATE",
    "AGE": "AGE",
    "CREDIT_CARD": "CREDIT_CARD",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "DOMAIN_NAME": "URL",
    "US_DRIVER_LICENSE": "ID",
}
_TITLE = re.compile(r"(?i)(?:mr|mrs|ms|dr|miss|prof)\.?")
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_AGES = re.compile(
    r"\b(\d{1,3})(?=[- ]?(?:years?|yrs?|y\.?/?o\.?|month)[- ]old)|\b(\d{1,3})(?=[- ]?y\.?/?o\b)|\b(?:[Aa]ged?|at the age of) (\d{1,3})\b"
)
_DATES = re.compile(
    rf"\b\d{{1,2}}/\d{{1,2}}/\d{{2,4}}\b|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:, \d{{4}})?\b|\b{_MONTH}(?: of)? \d{{4}}\b|\b(?:in|since|of|from) ((?:19|20)\d\d)\b"
    rf"|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\bin ({_MONTH})\b"
)
_TITLED = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Doctor)\.? ([A-Z][a-z]+(?: [A-Z][a-z]+)?)\b")
_INTRODUCED = re.compile(r"\b([A-Z][a-z]+ [A-Z][a-z]+) (?:is|was) a(?:n)? (?:very |pleasant )*\d")


class Row(Example):
    """A real text with the fold that it belongs to: 0 is held out."""

    fold: int = 0
    source: str = ""


def _fold(key: str) -> int:
    return int(hashlib.sha256(f"pii/{key}".encode()).hexdigest(), 16) % 3


def _rows(path: Path) -> list[dict[str, object]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def presidio(folder: Path, *, raw: bool = False) -> list[Row]:
    """Labelled sentences, folded by pattern. `raw` keeps the spans as they were annotated; else the parts of one address are one."""
    result: list[Row] = []
    for name in ("train", "generated_large"):
        for row in _rows(folder / "pii_presidio" / f"{name}.jsonl.gz"):
            text = str(row["text"])
            spans: list[Span] = sorted(
                (each["start"], each["end"], TYPES[each["type"]])
                for each in row["spans"]  # type: ignore[attr-defined]
                if each["type"] in TYPES and each["value"] != "nan" and not _TITLE.fullmatch(each["value"])
            )
            result.append(
                Row(
                    text=text,
                    spans=spans if raw else joined(text, spans),
                    fold=_fold(f"template {row['template_id']}"),
                    source=name,
                )
            )
    return result


def notes(folder: Path) -> list[Row]:
    """Clinical notes with inserted identifiers, folded by note; the bodies' own names, ages and dates are added by rules."""
    result: list[Row] = []
    for row in _rows(folder / "phi_aci" / "train.jsonl.gz"):
        text = str(row["text"])
        spans = sorted((each["start"], each["end"], each["type"]) for each in row["spans"])  # type: ignore[attr-defined]
        result.append(Row(text=text, spans=spans, fold=_fold(str(row["id"]).removeprefix("phi-")), source="phi_aci"))
    return result


def ruled(text: str, spans: list[Span] | None = None) -> list[Span]:
    """`spans` with the ages, dates and names that rules see beside them; a name goes on wherever it stands again."""
    found = list(spans or [])

    def add(start: int, end: int, kind: str) -> None:
        if not any(start < until and begin < end for begin, until, _ in found):
            found.append((start, end, kind))

    for match in _AGES.finditer(text):
        group = next(each for each in (1, 2, 3) if match.group(each))
        add(*match.span(group), "AGE")
    for match in _DATES.finditer(text):
        group = next((each for each in (1, 2) if match.group(each)), 0)
        add(*match.span(group), "DATE")
    names = {match.group(1) for pattern in (_INTRODUCED, _TITLED) for match in pattern.finditer(text)}
    for whole in sorted({*names, *(word for name in names for word in name.split())}, key=len, reverse=True):
        if whole.lower() in {"the", "she", "he", "patient"}:
            continue
        for match in re.finditer(rf"\b{re.escape(whole)}\b", text):
            add(*match.span(), "PERSON")
    return sorted(found)


def swapped(row: Row, r: random.Random, harvest: dict[str, list[str]]) -> Example:
    """`row` with every value replaced by another of its type, now and then one that was seen elsewhere."""
    makers = {
        "PERSON": None,
        "DATE": None,
        "AGE": values.age,
        "ADDRESS": values.address,
        "LOCATION": values.place,
        "PHONE": values.phone,
        "EMAIL": values.email,
        "SSN": values.ssn,
        "MRN": values.mrn,
        "HEALTH_PLAN_ID": values.plan,
        "FACILITY": values.facility,
        "ORG": values.firm,
        "CREDIT_CARD": values.card,
        "IBAN": values.iban,
        "IP": values.ip,
        "URL": values.url,
        "ID": values.identifier,
    }
    pieces: list[str] = []
    spans: list[Span] = []
    at = position = 0
    for start, end, kind in row.spans:
        old = row.text[start:end]
        make = makers[kind]
        if kind == "PERSON":
            new = values.name(r) if " " in old else r.choice((values.first, values.last))(r)
        elif kind == "DATE":
            new = (
                values.year(r)
                if re.fullmatch(r"\d{4}", old)
                else values.weekday(r)
                if old.lower().endswith("day")
                else values.full_date(r)
                if re.search(r"\d", old)
                else old
            )
        elif kind == "ADDRESS" and len(old) < 12:
            new = values.street(r) if re.search(r"[^\W\d_]{4}", old) else old
        elif kind == "LOCATION" and "," in old:
            new = old
        else:
            assert make is not None
            new = make(r)
        if kind in harvest and r.random() < 0.35 and (kind != "PERSON" or " " in old) and kind not in ("DATE", "ADDRESS"):
            new = r.choice(harvest[kind])
        pieces += (row.text[at:start], new)
        position += start - at
        spans.append((position, position + len(new), kind))
        position += len(new)
        at = end
    pieces.append(row.text[at:])
    return Example(text="".join(pieces), spans=spans)


def clinical(folder: Path, held_out: set[str]) -> list[str]:
    """Unlabelled clinical and everyday texts, in pieces of a few sentences; notes of the held-out fold are left out."""
    pieces: list[str] = []
    for row in _rows(folder / "mts_dialog" / "train.jsonl.gz"):
        pieces.append(str(row["note"]))
    for row in _rows(folder / "aci_bench" / "train.jsonl.gz"):
        if str(row["id"]) not in held_out:
            pieces += re.split(r"\n\n+", str(row["note"]))
    for row in _rows(folder / "pubmedqa" / sorted(each.name for each in (folder / "pubmedqa").glob("*.jsonl.gz"))[0])[:150]:
        pieces += [str(each) for each in row["contexts"][:1]]  # type: ignore[index]
    return [each for each in pieces if 20 < len(each) < 1_500 and "PHI" not in each]


def clean(folder: Path) -> list[str]:
    """Clinical notes that training never saw, without names, dates and ages that rules see."""
    texts = [str(row["note"]) for row in _rows(folder / "mts_dialog" / "valid.jsonl.gz")]
    return [each for each in texts if not ruled(each)]


def everyday(folder: Path) -> list[str]:
    """Short everyday requests in which no word is a name of a person or a place that our lists know."""
    known = {
        word.lower()
        for entry in (*names.TOWNS, *names.COUNTRIES, *(name for pair in names.PEOPLE.values() for part in pair for name in part))
        for word in entry.split()
    } - {
        "will",
        "may",
        "mark",
        "hope",
        "grace",
        "rose",
        "day",
        "long",
        "best",
        "good",
        "do",
        "art",
        "bill",
        "summer",
        "new",
        "park",
        "house",
    }
    texts = [str(row["text"]) for row in _rows(folder / "clinc_oos" / "train.jsonl.gz")]
    month = re.compile(
        rf"(?i)\b(?:{_MONTH}|(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:19|20)\d\d|[a-z]{{3}} \d{{1,2}}(?:st|nd|rd|th)?)\b"
    )
    return [each for each in texts if not known & set(re.findall(r"\w+", each.lower())) and not month.search(each)]


def messages(folder: Path) -> list[Row]:
    """Messages of bank customers, which hold nothing personal; folded by text."""
    return [
        Row(text=str(row["text"]), spans=[], fold=_fold(str(row["text"])), source="banking77")
        for row in _rows(folder / "banking77" / "train.jsonl.gz")
    ]
