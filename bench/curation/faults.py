# ruff: noqa: E501 - phrases read better in one line
"""What is wrong with records of real exports, planted on purpose. Every kind has several sorts; `Fault.reasons` are the reasons by
which a curation may rightly drop such a record."""

from __future__ import annotations

import base64
import re
from itertools import pairwise
from typing import Any, NamedTuple

from notes import CONDITIONS, Writer, foreign_text
from vocabulary import REMARKS, SIGNS

Record = dict[str, Any]


class Kind(NamedTuple):
    """A kind of fault: its share of all records, and the reasons that name it."""

    share: float
    reasons: tuple[str, ...]


UNREADABLE, ENCODING, MISSING, TYPE, SHORT, LONG, LANGUAGE = (
    "unreadable",
    "encoding",
    "missing",
    "wrong type",
    "too short",
    "too long",
    "language",
)
CODE, EVIDENCE, EXACT, NEAR, CONTRADICTION, NOISE = (
    "invalid code",
    "evidence",
    "exact duplicate",
    "near-duplicate",
    "contradiction",
    "label noise",
)
GROUP, TIME, RARE, PERSONAL = "patient leak", "time leak", "rare label", "personal data"

KINDS: dict[str, Kind] = {
    UNREADABLE: Kind(0.01, ("unreadable", "damaged encoding", "missing field")),
    ENCODING: Kind(0.03, ("damaged encoding", "unreadable")),
    MISSING: Kind(0.02, ("missing field",)),
    TYPE: Kind(0.015, ("wrong type",)),
    SHORT: Kind(0.015, ("too short",)),
    LONG: Kind(0.007, ("too long",)),
    LANGUAGE: Kind(0.03, ("wrong language",)),
    CODE: Kind(0.03, ("unknown code", "code is a heading", "label not allowed", "retired code")),
    EVIDENCE: Kind(0.008, ("misplaced evidence",)),
    EXACT: Kind(0.03, ("duplicate", "near-duplicate", "contradictory label")),
    NEAR: Kind(0.06, ("near-duplicate", "duplicate")),
    CONTRADICTION: Kind(0.015, ("contradictory label",)),
    NOISE: Kind(0.015, ("doubtful label",)),
    GROUP: Kind(0.008, ("group in two splits",)),
    TIME: Kind(0.008, ("time of another split",)),
    RARE: Kind(0.005, ("rare label",)),
    PERSONAL: Kind(0.05, ()),
}
"""Personal data is masked, not dropped, so that no reason is right."""

ENCODING_SIGNS = tuple(each for each in SIGNS if any(letter in each for letter in "°µ±“’é≥½β×"))
_TWO_WORDS = (
    "Sjögren’s antibodies negative, Löffler’s unlikely",
    "café-au-lait spots, naïve about risks",
    "Ménière’s unlikely, Löfgren’s too",
    "Guillain–Barré and Behçet’s ruled out",
)


def damage_encoding(writer: Writer, text: str, form: str) -> tuple[str | bytes, str]:
    """A damaged text (bytes: to be written as they are) and the sort of damage."""
    signs = [writer.fill(writer.pick(_TWO_WORDS))] + [
        writer.fill(writer.pick(ENCODING_SIGNS)) for _ in range(int(writer.chance() * 3))
    ]
    whole = f"{text.rstrip()} {'. '.join(signs)}."
    sorts = [
        *_TEXT_SORTS,
        *(("cp1252 bytes", "half a character") if form == "jsonl" else ("cp1252 bytes",) if form == "csv" else ()),
        *(("lone surrogate",) if form == "jsonl" else ()),
    ]
    sort = writer.pick(sorts)
    if sort == "cp1252 bytes":
        return whole.encode("cp1252", "replace"), sort
    if sort == "half a character":
        raw = whole.encode()
        place = next(place for place in range(len(raw) // 2, len(raw)) if raw[place] > 0xC0)
        return raw[:place] + raw[place + 1 :], sort
    if sort == "lone surrogate":
        return f"{whole} \ud83d thanks", sort
    return _TEXT_SORTS[sort](writer, whole), sort


def _reread(encoding: str) -> Any:
    return lambda _writer, text: (
        text.encode().decode(encoding, "replace").replace("\ufffd", "")
        if encoding == "cp1252"
        else text.encode().decode(encoding)
    )


def _controls(writer: Writer, text: str) -> str:
    place = int(writer.chance() * len(text))
    return text[:place] + writer.pick(("\x00", "\x1b[0m", "\x07", "\x1a", "\x92", "\x85")) + text[place:]


_TEXT_SORTS: dict[str, Any] = {
    "UTF-8 as cp1252": _reread("cp1252"),
    "UTF-8 as latin-1": _reread("latin-1"),
    "UTF-8 as mac_roman": _reread("mac_roman"),
    "UTF-8 as cp437": _reread("cp437"),
    "UTF-8 as cp850": _reread("cp850"),
    "UTF-8 as cp1252, twice": lambda _w, text: text.encode().decode("latin-1").encode().decode("latin-1"),
    "cp1252 as mac_roman": lambda _w, text: text.encode("cp1252", "ignore").decode("mac_roman"),
    "cp1252 as cp850": lambda _w, text: text.encode("cp1252", "ignore").decode("cp850"),
    "replacement characters": lambda _w, text: text.encode("cp1252", "replace").decode("utf-8", "replace"),
    "question marks": lambda _w, text: text.encode("ascii", "replace").decode(),
    "control characters": _controls,
    "entities": lambda _w, text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "written out": lambda _w, text: text.encode("ascii", "backslashreplace").decode(),
    "quoted-printable": lambda _w, text: "".join(
        letter if letter < "\x80" else "".join(f"={each:02X}" for each in letter.encode()) for letter in text
    ),
    "UTF-16 as latin-1": lambda _w, text: text.encode("utf-16-le").decode("latin-1"),
    "a file in base 64": lambda _w, text: base64.b64encode(text.encode() * 2).decode(),
}

SHORT_TEXTS = (
    "see above",
    "n/a",
    "as discussed",
    "DNA",
    "Pt did not attend. Letter sent.",
    "Cancelled by patient, new date follows.",
    "refer to scanned document",
    "Labs drawn.",
    "Prescription renewed by fax.",
    "Seen. Stable. Continue.",
    "no show x2",
    ".",
    "Dictation lost, see next entry.",
    "Follow-up by phone: all well, no change of treatment needed.",
)


def break_line(writer: Writer, line: str, form: str) -> tuple[str, str]:
    """A line that is no record: `line` is one as it should be (JSON, or a row of CSV)."""
    if form == "csv":
        sort = writer.pick(("a cell too many", "cells too few", "a quote within a cell"))
        flat = line.replace("\n", " ")
        if sort == "a cell too many":
            return f"{flat},spill", sort
        if sort == "cells too few":
            return flat.partition(",")[0] + "," + writer.pick(("moved", "see paper chart", "merged")), sort
        return 'E0,"the "so-called" flu",' + flat.partition(",")[2].replace('"', ""), sort
    sort = writer.pick(
        ("cut off", "a line of a log", "a list", "a text", "two objects", "single quotes", "a comma too many", "not a number")
    )
    broken = {
        "cut off": line[: len(line) // 3 + int(writer.chance() * len(line) // 2)],
        "a line of a log": f"2021-03-0{2 + int(writer.chance() * 7)} 04:12:0{int(writer.chance() * 9)} WARN exporter: row skipped, retrying",
        "a list": f"[{line}]",
        "a text": '"' + line[2:40].replace('"', "") + '"',
        "two objects": line + line,
        "single quotes": line.replace('"', "'"),
        "a comma too many": line[:-1] + ",}",
        "not a number": line[:-1] + ',"weight":NaN}',
    }
    return broken[sort], sort


def remove_field(writer: Writer, record: Record, form: str) -> tuple[Record, str]:
    """`record` without one of the fields that it must have."""
    field = writer.pick(("id", "text", "codes", "patient", "encounter_date", "department"))
    ways = ("absent", "null", "blank") if form == "jsonl" else ("blank",) if form == "csv" else ("null", "blank")
    way = writer.pick(ways)
    if way == "absent":
        record = {key: value for key, value in record.items() if key != field}
    else:
        blank: Any = [] if field == "codes" else writer.pick(("", "   ")) if form != "csv" else ""
        record = {**record, field: None if way == "null" and field != "id" else blank}
    if field == "codes":
        record["evidence"] = []
    return record, f"{field} {way}"


def change_type(writer: Writer, record: Record, form: str) -> tuple[Record, str]:
    """`record` with a value of another type than the declared one."""
    year, month, day = record["encounter_date"].split("-")
    changes: dict[str, Record] = {
        "a date of the country": {"encounter_date": f"{month}/{day}/{year}"},
        "a day that is none": {"encounter_date": f"{year}-02-30"},
        "a date in words": {
            "encounter_date": f"{int(day)} {('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec')[int(month) - 1]} {year}"
        },
        "a serial day": {"encounter_date": str(42_000 + int(writer.chance() * 3000))},
    }
    if form == "jsonl":
        changes |= {
            "codes in one text": {"codes": ",".join(record["codes"])},
            "a number among the codes": {"codes": [*record["codes"], 250]},
            "codes as objects": {"codes": [{"code": each} for each in record["codes"]]},
            "text as a list": {"text": [record["text"]]},
            "text as an object": {"text": {"value": record["text"]}},
            "evidence as a text": {"evidence": "see text"},
            "evidence without places": {"evidence": [{"label": each} for each in record["codes"]]},
            "a day as a number": {"encounter_date": 20210304},
        }
    if form == "csv":
        changes |= {"evidence that is no JSON": {"evidence": "[{label: I10}]"}}
    sort = writer.pick(tuple(changes))
    return {**record, **changes[sort]}, sort


_LETTERS = {"0": "O", "1": "l", "5": "S"}
_ICD9 = ("250.00", "401.9", "272.4", "V70.0", "724.2", "493.90", "E885.9", "599.0")
_OTHER = ("99213", "44054006", "R05.X", "I10.00", "F32.9G", "8-930", "ICD10", "TBD", "XXX.X", "none")


def spoil_code(writer: Writer, record: Record, system: Any) -> tuple[Record, str]:
    """`record` with one of its codes, there and in its evidence, replaced by what is none."""
    old = writer.pick(record["codes"])
    sort = writer.pick(
        (
            "unknown",
            "letter for digit",
            "ICD-9",
            "heading",
            "no 7th character",
            "wrong 7th character",
            "no placeholder",
            "range",
            "another system",
            "with its title",
            "dot misplaced",
            "digit too many",
        )
    )
    whole = {"no 7th character": "S52.501", "wrong 7th character": "S52.501Z", "no placeholder": "T78.40A"}
    new = {
        "unknown": lambda: f"{old[:3]}.{writer.pick('9876')}{writer.pick('987')}{writer.pick('QWY')}",
        "letter for digit": lambda: "".join(_LETTERS.get(each, each) for each in old) if set(old) & set(_LETTERS) else old + "O",
        "ICD-9": lambda: writer.pick(_ICD9),
        "heading": lambda: (
            old[:3] if "." in old and not system.is_usable(old[:3]) else writer.pick(("E11", "M54", "J45", "I25", "F32", "N18"))
        ),
        "range": lambda: writer.pick(("A00-A09", "E08-E13", "I10-I1A", "J00-J06")),
        "another system": lambda: writer.pick(_OTHER),
        "with its title": lambda: f"{old} {CONDITIONS[int(writer.chance() * 40)].long[0]}",
        "dot misplaced": lambda: f"{old[:2]}.{old[2:].replace('.', '')}" if len(old) > 3 else f"{old[:1]}.{old[1:]}",
        "digit too many": lambda: f"{old if '.' in old else old + '.'}{'' if len(old) > 3 else '0'}99",
    }.get(sort, lambda: whole[sort])()
    if system.is_usable(new):
        new, sort = f"{old}Q", "unknown"
    return relabel(record, old, new), sort


def relabel(record: Record, old: str, new: str) -> Record:
    """`record` with `new` for the code `old`, in its evidence too."""
    codes = list(dict.fromkeys(new if each == old else each for each in record["codes"]))
    evidence = [{**each, "label": new} if each["label"] == old else each for each in record["evidence"]]
    return {**record, "codes": codes, "evidence": evidence}


def misplace_evidence(writer: Writer, record: Record) -> tuple[Record, str]:
    """`record` with a span that can not be."""
    sort = writer.pick(("beyond the end", "a label that it does not have", "end before start", "negative"))
    evidence = [dict(each) for each in record["evidence"]]
    span, length = evidence[int(writer.chance() * len(evidence))], len(record["text"])
    if sort == "beyond the end":
        span["end"] = length + 1 + int(writer.chance() * 40)
    elif sort == "end before start":
        span["start"], span["end"] = span["end"], span["start"]
    elif sort == "negative":
        span["start"] = -1 - int(writer.chance() * 5)
    else:
        span["label"] = other_code(writer, record["codes"])
    return {**record, "evidence": evidence}, sort


def other_code(writer: Writer, codes: list[str]) -> str:
    """A code that is none of `codes`, the frequent ones first as everywhere."""
    while (code := CONDITIONS[writer.main_condition()].code) in codes:
        pass
    return code


_WORD = re.compile(r"\w+")


def shingles(text: str) -> frozenset[tuple[str, str]]:
    words = _WORD.findall(text.lower())
    return frozenset(pairwise(words))


def likeness(one: str, other: str) -> float:
    """Jaccard similarity of the pairs of neighbouring words, case and punctuation left out."""
    first, second = shingles(one), shingles(other)
    return len(first & second) / max(1, len(first | second))


def _edit_word(writer: Writer, text: str, change: Any) -> str:
    places = [match.span() for match in _WORD.finditer(text) if match.end() - match.start() > 3]
    start, end = places[int(writer.chance() * len(places))]
    return text[:start] + change(text[start:end]) + text[end:]


def _slip(writer: Writer, text: str) -> str:
    return _edit_word(
        writer,
        text,
        lambda word: writer.pick((word[:2] + word[3:], word[:1] + word[2] + word[1] + word[3:], word + word[-1], word[:-1])),
    )


def _number(writer: Writer, text: str) -> str:
    found = [match.span() for match in re.finditer(r"\d+", text)]
    if not found:
        return _slip(writer, text)
    start, end = found[int(writer.chance() * len(found))]
    return text[:start] + str(int(text[start:end]) + 1 + int(writer.chance() * 3)) + text[end:]


_SWAPS = (
    ("reports", "states"),
    (" and ", " & "),
    (" with ", " w/ "),
    ("years", "yrs"),
    ("patient", "pt"),
    ("daily", "qd"),
    ("weeks", "wks"),
    ("no ", "denies "),
    ("mg", "milligrams"),
)


def _synonym(writer: Writer, text: str) -> str:
    fitting = [each for each in _SWAPS if each[0] in text]
    if not fitting:
        return _slip(writer, text)
    old, new = writer.pick(fitting)
    return text.replace(old, new, 1)


_EDITS: dict[str, Any] = {
    "a slip": _slip,
    "two slips": lambda w, text: _slip(w, _slip(w, text)),
    "a number": _number,
    "two numbers": lambda w, text: _number(w, _number(w, text)),
    "another word": _synonym,
    "case": lambda w, text: text.upper() if w.chance() < 0.4 else text.lower(),
    "white space": lambda _w, text: re.sub(r"[ \n]+", lambda match: "\n" if " " in match.group() else "  ", text),
    "punctuation": lambda _w, text: text.replace(".", ";").replace(",", " ,").replace(":", " -"),
    "a line on top": lambda w, text: (
        f"{w.pick(('Addendum to note', 'COPY', 'Amended version', 'Final report', 'Electronically signed'))}\n{text}"
    ),
    "a line below": lambda w, text: f"{text}\n{w.fill(w.pick(REMARKS))}.",
    "end cut off": lambda _w, text: text[: text.rstrip().rfind(" ", 0, len(text) - 20)],
    "a word left out": lambda w, text: _edit_word(w, text, lambda _word: ""),
    "copied forward": lambda w, text: (
        f"{_number(w, _number(w, text))} {w.pick(('No change since last visit.', 'Unchanged today.', 'Stable compared with before.'))}"
    ),
    "several edits": lambda w, text: _synonym(w, _slip(w, _number(w, _slip(w, text)))),
}
LIKENESS_MIN = 0.85


def nearly_the_same(writer: Writer, text: str) -> tuple[str, str, float]:
    """A text near-equal to `text`, the edit, and how alike they are (at least `LIKENESS_MIN`)."""
    for _ in range(20):
        sort = writer.pick(tuple(_EDITS))
        edited = _EDITS[sort](writer, text)
        alike = likeness(text, edited)
        if alike >= LIKENESS_MIN and edited != text:
            return edited, sort, alike
    return f"{text} .", "punctuation", 1.0


def foreign(writer: Writer) -> tuple[str, str]:
    """A text in another language, and which."""
    language = writer.pick(("de", "fr", "es", "it", "nl", "pl", "ru", "de", "fr", "es"))
    return foreign_text(writer, language), language
