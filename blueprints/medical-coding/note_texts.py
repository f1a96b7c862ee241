"""Reads the texts of this blueprint: what is written of each diagnosis, the frames of notes, whole notes written by hand.

A text carries its evidence as ``[[CODE|words]]`` and personal data as ``<<KIND|words>>``; `plain` takes both out and says where
they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent / "texts"
MARK = re.compile(r"\[\[(?P<code>[A-Z0-9.]+)\||\]\]|<<(?P<kind>[A-Z_]+)\||>>")


@dataclass(frozen=True)
class Diagnosis:
    """What clinicians write of one code. Every entry of `short` and `sentence` holds marked evidence, no other entry does."""

    code: str
    acute: bool
    sex: str
    ages: tuple[int, int]
    excludes: frozenset[str]
    short: list[str] = field(default_factory=list)
    sentence: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    medicine: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    family: list[str] = field(default_factory=list)

    def fits(self, age: int, sex: str, others: set[str]) -> bool:
        """Whether a person of that age and sex with the codes `others` may have it."""
        return self.ages[0] <= age <= self.ages[1] and self.sex in ("any", sex) and not self.excludes & others


@dataclass(frozen=True)
class Note:
    """One whole note as it was written by hand, with its marks."""

    id: str
    patient: str
    date: str
    kind: str
    text: str
    language: str = "en"


_KINDS = {"=": "short", "+": "sentence", "~": "story", ">": "plan", "m": "medicine", "-": "denied", "f": "family"}


def blocks(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """The words after each ``@`` and the lines under it; lines before the first are a comment."""
    head: list[str] | None = None
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            if head is not None:
                yield head, lines
            head, lines = line[2:].split(), []
        elif head is not None:
            lines.append(line)
    if head is not None:
        yield head, lines


def diagnoses() -> dict[str, Diagnosis]:
    """Every diagnosis that the texts know, by code, in file order. ValueError for a line that is none of the kinds."""
    found: dict[str, Diagnosis] = {}
    for path in sorted(TEXTS.glob("diagnoses_*.txt")):
        for (code, course, sex, ages, *excludes), lines in blocks(path):
            low, _, high = ages.partition("-")
            each = Diagnosis(
                code, course == "acute", sex, (int(low), int(high)), frozenset(x.removeprefix("!") for x in excludes)
            )
            if code in found:
                raise ValueError(f"{path.name}: {code} stands there twice")
            for line in filter(None, lines):
                kind = _KINDS.get(line[0])
                if kind is None or line[1] != " ":
                    raise ValueError(f"{path.name}: {code}: no such line: {line}")
                getattr(each, kind).append(line[2:].replace("[", f"[[{code}|").replace("]", "]]"))
            found[code] = each
    return found


def frames() -> list[tuple[str, str]]:
    """Kind of note and layout, in file order."""
    return [(head[0], "\n".join(lines).strip()) for head, lines in blocks(TEXTS / "frames.txt")]


def fillers() -> dict[str, list[str]]:
    """What stands around the diagnoses, by name."""
    return {head[0]: [line for line in lines if line] for head, lines in blocks(TEXTS / "fillers.txt")}


def company() -> dict[str, list[str]]:
    """Which acute diagnoses come with a reason for an encounter."""
    return {head[0]: " ".join(lines).split() for head, lines in blocks(TEXTS / "company.txt")}


def notes(name: str) -> list[Note]:
    """The notes of a file of whole notes."""
    return [Note(*head[:4], "\n".join(lines).strip(), *head[4:]) for head, lines in blocks(TEXTS / name)]


def plain(marked: str) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """The text without marks, its evidence and its personal data: `label` or `kind`, `start`, `end` in code points.

    ValueError where a mark is not closed, or one stands in another.
    """
    text, at = "", 0
    evidence: list[dict[str, Any]] = []
    personal: list[dict[str, Any]] = []
    opened: dict[str, Any] | None = None
    for mark in MARK.finditer(marked):
        text += marked[at : mark.start()]
        at = mark.end()
        if mark["code"] or mark["kind"]:
            if opened is not None:
                raise ValueError(f"a mark within a mark: {marked[mark.start() :][:60]}")
            opened = {"label": mark["code"], "start": len(text)} if mark["code"] else {"kind": mark["kind"], "start": len(text)}
        else:
            if opened is None:
                raise ValueError(f"a mark is closed that was never opened: {marked[: mark.start()][-60:]}")
            (evidence if "label" in opened else personal).append({**opened, "end": len(text)})
            opened = None
    if opened is not None:
        raise ValueError(f"a mark is not closed: {marked[:60]}")
    return text + marked[at:], evidence, personal
