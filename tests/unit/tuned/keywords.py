"""A small architecture for tests: a label's words stand in the text or they do not, so that what it says can be told by hand."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from groundcrew.tuned.loading import CARD, LOADERS, write_manifest
from groundcrew.tuned.model import FORMAT, Manifest, Prediction, Span, Suggestion

NAME = "keywords"
FILE = "labels.json"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One label: the word that stands for it and how sure a hit is."""

    word: str
    score: float
    title: str = ""


class Keywords:
    """Every label whose word stands in the text; the trust is the least score of what is kept."""

    def __init__(self, manifest: Manifest, labels: dict[str, Label]) -> None:
        self.manifest, self._labels = manifest, labels
        self.asked: list[str] = []
        #: How long a prediction takes, in seconds: `settings.slow_s`.
        self._slow_s = float(manifest.settings.get("slow_s", 0))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        self.asked.extend(texts)
        time.sleep(self._slow_s)
        if "fail" in self.manifest.settings:
            raise RuntimeError("the weights are nonsense")
        return [self._predict(text) for text in texts]

    def _predict(self, text: str) -> Prediction:
        found = []
        for label, entry in self._labels.items():
            spans = tuple(Span(start=hit.start(), end=hit.end()) for hit in re.finditer(re.escape(entry.word), text))
            if spans:
                kept = entry.score >= self.manifest.threshold
                found.append(
                    Suggestion(
                        label=label, score=entry.score, kept=kept, title=entry.title, evidence=spans, because="its word is there"
                    )
                )
        found.sort(key=lambda each: (-each.score, each.label))
        trust = min((each.score for each in found if each.kept), default=None)
        needs = trust is None or trust < (self.manifest.person_below or 0)
        return Prediction(suggestions=tuple(found), trust=trust, needs_person=needs, reason="below the bound" if needs else "")


def load(folder: Path, manifest: Manifest) -> Keywords:
    """The model in `folder`."""
    return Keywords(manifest, msgspec.json.decode((folder / FILE).read_bytes(), type=dict[str, Label]))


LOADERS[NAME] = load

LABELS = {
    "A01.1": Label(word="fever", score=0.9, title="Fever"),
    "B02.2": Label(word="cough", score=0.6, title="Cough"),
    "C03.3": Label(word="rash", score=0.3, title="Rash"),
}


def write(folder: Path, labels: dict[str, Label] | None = None, **changes: object) -> str:
    """A whole model in `folder`; its digest."""
    labels = LABELS if labels is None else labels
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(msgspec.json.encode(labels))
    (folder / CARD).write_text("# A model for tests\n", encoding="utf-8")
    manifest = Manifest(
        format=FORMAT,
        name="keywords",
        architecture=NAME,
        multi_label=True,
        labels=len(labels),
        data_set="notes",
        data_revision="d" * 64,
        seed=1,
        threshold=0.5,
        files={},
        person_below=0.7,
    )
    return write_manifest(folder, msgspec.structs.replace(manifest, **changes))
