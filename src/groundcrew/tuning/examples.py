"""What a model learns from: the records of a curated data set as examples."""

from __future__ import annotations

import msgspec


class EvidenceSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Characters `start` to `end` (Unicode code points, end not included) of an example's text, on which `label` rests."""

    label: str
    start: int
    end: int


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One record: its text (several text fields are joined by a blank line), its true labels (one for a classifier of one
    label), and evidence spans where people marked them. `group` is the patient or customer that it belongs to."""

    id: str
    text: str
    labels: tuple[str, ...]
    evidence: tuple[EvidenceSpan, ...] = ()
    group: str = ""
    language: str = ""
