"""Reads the labelled sets that the trust score is fitted and measured on into one shape: a claim, its sources, and
whether they support it. The sets themselves stay outside the repository (the sibling folder shared/data)."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.grounding.claims import claims

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY.parent / "shared" / "data"
CASES = REPOSITORY / "tests" / "unit" / "grounding" / "cases"

#: file → most rows taken for fitting. Permissively licensed sets only; see MODEL_CARD.md.
GROUNDING_TRAIN = {
    "ragtruth_qa_adapt": 336,
    "quintd_train": 260,
    "infotabs_train": 2000,
    "summedits_train": 2000,
    "fib_train": 350,
    "frank_train": 400,
    "xsumhal_train": 175,
}
PARAPHRASE_TRAIN = {
    "pawsx_de": 300,
    "rte3_de": 500,
    "forum_te_de": 300,
    "wikisplit_en": 400,
    "sgd_en": 900,
    "dart_en": 202,
    "stsb_en": 300,
    "deplain_web_de": 300,
    "xquad_xling": 100,
}
#: Unsupported claims made from supported ones.
CONSTRUCTED = 1000
#: Never fitted on: measured only.
GROUNDING_DEV = ("infotabs_dev", "wice_claim_dev", "begin_wow_dev", "begin_tc_dev")


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One claim with its sources. `answer` numbers the answer that it belongs to; `lead` is the heading it stands under."""

    dataset: str
    group: str
    answer: str
    claim: str
    sources: tuple[str, ...]
    supported: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled answer. `spans` are its unsupported code points where the set gives them, else None."""

    id: str
    dataset: str
    group: str
    text: str
    sources: tuple[str, ...]
    question: str | None
    supported: bool
    spans: tuple[tuple[int, int], ...] | None


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a gzipped JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def sample(rows: list[dict[str, Any]], size: int, seed: int = 7) -> list[dict[str, Any]]:
    """At most `size` rows, drawn once and for all."""
    return rows if len(rows) <= size else random.Random(seed).sample(rows, size)


def grounding_answers(name: str, size: int = 10**9) -> list[Answer]:
    """Answers of one set under grounding/."""
    rows = sample(list(read_rows(DATA / "grounding" / f"{name}.jsonl.gz")), size)
    return [
        Answer(
            id=row["id"],
            dataset=row["dataset"],
            group=row["group"],
            text=row["answer"],
            sources=tuple(row["sources"]),
            question=row.get("question"),
            supported=not row["hallucinated"],
            spans=tuple((span["start"], span["end"]) for span in row["spans"]) if row["has_spans"] else None,
        )
        for row in rows
    ]


def claim_examples(answer: Answer) -> list[Example]:
    """The claims of an answer whose label is known: by its spans, or because the answer is supported or has one claim."""
    found = claims(answer.text)
    examples = []
    for claim in found:
        if answer.supported:
            supported = True
        elif answer.spans:
            supported = all(claim.end <= start or claim.start >= end for start, end in answer.spans)
        elif len(found) == 1:
            supported = False
        else:
            continue
        examples.append(
            Example(
                dataset=answer.dataset,
                group=answer.group,
                answer=answer.id,
                claim=claim.text,
                sources=answer.sources,
                supported=supported,
            )
        )
    return examples


def paraphrase_examples(name: str, size: int = 10**9) -> list[Example]:
    """Pairs of one set under paraphrase/."""
    rows = sample(list(read_rows(DATA / "paraphrase" / f"{name}.jsonl.gz")), size)
    return [
        Example(
            dataset=row["dataset"],
            group=row["group"],
            answer=row["id"],
            claim=row["claim"],
            sources=(row["evidence"],),
            supported=row["label"] == "supported",
        )
        for row in rows
    ]


def own_cases(*, held_back: bool | None = None) -> list[dict[str, Any]]:
    """Our own short cases; a third, by hash of the id, is held back from fitting and tuning."""
    rows: list[dict[str, Any]] = []
    for path in sorted(CASES.glob("*.jsonl")):
        if path.stem.startswith("contradictions"):
            continue  # pairs of passages, for the test of contradictions within a knowledge base
        rows.extend(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line)
    return [row for row in rows if held_back is None or is_held_back(row["id"]) is held_back]


def is_held_back(identifier: str) -> bool:
    """Whether a case belongs to the third that no fit or tuning sees."""
    return hashlib.sha256(identifier.encode()).digest()[0] % 3 == 0


def constructed_examples(size: int, seed: int = 7) -> list[Example]:
    """Unsupported claims made from supported ones: `swapped` keeps the claim and takes another document of the same set,
    `appended` adds what another claim says ("…, and …"), `inserted` puts half of another claim in the middle's place."""
    draw = random.Random(seed)
    pool = [
        *(example for name in ("wikisplit_en", "sgd_en", "deplain_web_de") for example in paraphrase_examples(name, 400)),
        *(example for answer in grounding_answers("ragtruth_qa_adapt", 150) for example in claim_examples(answer)),
        *case_examples(held_back=False),
    ]
    pool = [example for example in pool if example.supported]
    by_set: dict[str, list[Example]] = {}
    for example in pool:
        by_set.setdefault(example.dataset, []).append(example)
    made: list[Example] = []
    for number in range(size):
        example = draw.choice(by_set[draw.choice(sorted(by_set))])
        other = draw.choice(by_set[example.dataset])
        if other.group == example.group or other.sources == example.sources:
            continue
        kind = ("swapped", "appended", "inserted")[number % 3]
        claim = example.claim.rstrip(" .!")
        if kind == "appended":
            link = " und " if example.dataset.endswith("_de") else " and "
            claim = f"{claim}{link}{other.claim[:1].lower()}{other.claim[1:]}"
        elif kind == "inserted":
            mine, theirs = claim.split(), other.claim.split()
            claim = " ".join(mine[: max(2, len(mine) // 2)] + theirs[len(theirs) // 2 :])
        else:
            claim = f"{claim}."
        sources = other.sources if kind == "swapped" else example.sources
        made.append(
            Example(dataset=kind, group=example.group, answer=f"{kind}-{number}", claim=claim, sources=sources, supported=False)
        )
    return made


def training_answers(name: str) -> list[Answer]:
    """Answers of one set that takes part in the fit, by the name of its file, "own_cases" or "constructed"; those with the same
    sources stand together."""
    if name in GROUNDING_TRAIN:
        found = grounding_answers(name, GROUNDING_TRAIN[name])
    elif name in GROUNDING_DEV:
        found = grounding_answers(name)
    elif name in PARAPHRASE_TRAIN:
        found = [as_answer(example) for example in paraphrase_examples(name, PARAPHRASE_TRAIN[name])]
    elif name.startswith("own_cases"):
        found = [as_answer(example) for example in case_examples(held_back=name == "own_cases_held_back")]
    else:
        found = [as_answer(example) for example in constructed_examples(CONSTRUCTED)]
    return sorted(found, key=lambda answer: (answer.group, answer.sources))


def as_answer(example: Example) -> Answer:
    """A single claim as an answer of its own."""
    return Answer(
        id=example.answer,
        dataset=example.dataset,
        group=example.group,
        text=example.claim,
        sources=example.sources,
        question=None,
        supported=example.supported,
        spans=None,
    )


def case_examples(*, held_back: bool) -> list[Example]:
    """Our own cases as examples."""
    return [
        Example(
            dataset="own_cases",
            group=row["id"].rsplit("-", 1)[0],
            answer=row["id"],
            claim=row["answer"],
            sources=tuple(row["sources"]),
            supported=row["supported"],
        )
        for row in own_cases(held_back=held_back)
    ]
