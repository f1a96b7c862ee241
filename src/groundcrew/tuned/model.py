"""What a tuned model says of a text, and what every architecture must offer to be loaded and served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

FORMAT = 1
MANIFEST = "model.json"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Characters `start` to `end` (Unicode code points, end not included) of the text that was read."""

    start: int
    end: int


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One label. `score` (0..1) estimates the probability that a qualified person would assign it; `kept` says that it reaches
    the model's threshold. `evidence` are the words that it rests on, `because` says in a line why (no text of the input)."""

    label: str
    score: float
    kept: bool
    title: str = ""
    evidence: tuple[Span, ...] = ()
    because: str = ""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says of one text: suggestions by falling score. `trust` (0..1) estimates the probability that the kept
    labels are all right and none is missing, or, of a coder whose settings say `trust: f1`,
    their expected F1 (None: not calibrated); `needs_person` where it is below the model's bound."""

    suggestions: tuple[Suggestion, ...]
    trust: float | None
    needs_person: bool
    reason: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The kept labels, by falling score."""
        return tuple(each.label for each in self.suggestions if each.kept)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A model folder's `model.json`. `files` gives the SHA-256 of every other file in the folder, CARD.md (the model card)
    included; the model's digest is the SHA-256 of the manifest's canonical JSON. `threshold`: suggestions at or above it are
    kept; `person_below`: predictions with less trust go to a person."""

    format: int
    name: str
    architecture: str
    multi_label: bool
    labels: int
    data_set: str
    data_revision: str
    seed: int
    threshold: float
    files: dict[str, str]
    languages: tuple[str, ...] = ()
    code_system: str = ""
    person_below: float | None = None
    settings: dict[str, Any] = {}
    metrics: dict[str, float] = {}


class Loaded(Protocol):
    """A model in memory. Safe to be asked from one thread at a time."""

    @property
    def manifest(self) -> Manifest: ...

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order. An empty text has no suggestions and needs a person."""
        ...
