"""Assembles what the entailment network learns from: evidence windows beside claims, each with a label and, where people
marked them, the unsupported parts of the claim. Windows are cut by the code that the product cuts them with."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import corruptions
import msgspec
from business import business_pairs
from examples import DATA, case_examples, read_rows, sample

from groundcrew.grounding.claims import claims
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.statement import read_statement
from groundcrew.grounding.windows import evidence_window

#: Labels. `UNSUPPORTED` means one of contradicted and not mentioned, which of them is not known.
#: `WORDS_ONLY` has marked words but no counterpart without, so that the label of the whole would be learnt from its looks.
SUPPORTED, CONTRADICTED, NOT_MENTIONED, UNSUPPORTED, WORDS_ONLY = 0, 1, 2, 3, 4
FOLDS = 5
#: Characters of the windows in training; None is what the product takes.
WINDOW_SIZES = (300, None, None, None, 640)
_LABELS = {
    "supported": SUPPORTED,
    "contradicted": CONTRADICTED,
    "not_mentioned": NOT_MENTIONED,
    "unsupported": UNSUPPORTED,
}
_SPAN_LABELS = {"incorrect": CONTRADICTED, "not_checkable": NOT_MENTIONED}


class Pair(msgspec.Struct, kw_only=True):
    """One reading: does `evidence` support `claim`? `spans` are the claim's unsupported code points, None where unknown;
    `answer` tells which answer it is a claim of, `kind` how it was made."""

    set: str
    group: str
    answer: str
    evidence: str
    claim: str
    label: int
    spans: list[tuple[int, int]] | None = None
    kind: str = ""


def fold_of(group: str) -> int:
    """The fold, 0 to `FOLDS` − 1, whose network never sees this group, in any set."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") % FOLDS


class Windows:
    """Evidence windows for claims, with the parsed sources kept between them."""

    def __init__(self) -> None:
        self._evidence = lru_cache(maxsize=8)(Evidence)

    def window(self, claim: str, sources: tuple[str, ...], *, characters_max: int | None = None) -> str:
        """The window that the product would read beside `claim`."""
        evidence, statement = self._evidence(sources), read_statement(claim)
        return evidence_window(statement, evidence, characters_max=characters_max)


def span_of(spans: Iterable[dict[str, Any]], start: int, end: int) -> list[tuple[int, int]]:
    """The parts of marked spans that lie inside [start, end), counted from start."""
    return [
        (max(span["start"], start) - start, min(span["end"], end) - start)
        for span in spans
        if span["start"] < end and span["end"] > start
    ]


def answer_pairs(name: str, windows: Windows, draw: random.Random | None = None, size: int = 10**9) -> Iterator[Pair]:
    """Claims of one set under grounding/: by claim where spans tell which claim is at fault, else the answer as a whole.
    With `draw` the windows vary in size, without they are the product's."""
    for row in sample(list(read_rows(DATA / "grounding" / f"{name}.jsonl.gz")), size):
        dataset, text, sources = row["dataset"], row["answer"].replace("<t>", "").replace("</t>", ""), tuple(row["sources"])
        by_claim = bool(row["spans"]) or not row["hallucinated"]
        found = [(claim.start, claim.end, claim.text) for claim in claims(text)] if by_claim else [(0, len(text), text.strip())]
        if text != row["answer"] and by_claim:
            found, by_claim = [(0, len(text), text.strip())], False
        for start, end, claim in found:
            if len(claim) < 8:
                continue
            marked = span_of(row["spans"], start, end) if by_claim else []
            label = (UNSUPPORTED if marked else SUPPORTED) if by_claim else UNSUPPORTED if row["hallucinated"] else SUPPORTED
            if marked:
                kinds = {span["label_type"] for span in row["spans"] if span["start"] < end and span["end"] > start}
                label = WORDS_ONLY if dataset == "wice_tok" else _span_label(kinds)
            size_of_window = None if draw is None else draw.choice(WINDOW_SIZES)
            yield Pair(
                set=dataset,
                group=row["group"],
                answer=row["id"],
                evidence=windows.window(claim, sources, characters_max=size_of_window),
                claim=claim,
                label=label,
                spans=marked if by_claim else [] if label == SUPPORTED else None,
                kind=row["model"],
            )


def _span_label(kinds: set[str]) -> int:
    if kinds and all("Conflict" in kind or kind == "incorrect" for kind in kinds):
        return CONTRADICTED
    if kinds and all("Baseless" in kind or kind == "not_checkable" for kind in kinds):
        return NOT_MENTIONED
    return UNSUPPORTED


def paraphrase_pairs(name: str, size: int = 10**9, *, window_chars: int = 700) -> Iterator[Pair]:
    """Human rewordings and their negatives of one set under paraphrase/."""
    for row in sample(list(read_rows(DATA / "paraphrase" / f"{name}.jsonl.gz")), size):
        label = _LABELS[row["label"]]
        yield Pair(
            set=name,
            group=row["group"],
            answer=row["id"],
            evidence=row["evidence"][:window_chars],
            claim=row["claim"],
            label=label,
            spans=[] if label == SUPPORTED else None,
            kind=row["label"],
        )


def swapped(pairs: list[Pair], draw: random.Random, share: float) -> Iterator[Pair]:
    """Claims beside the evidence of another of the same set, the one of a few that shares most words with them: the
    counterpart of rewordings, for sets without negatives of their own."""
    words = [frozenset(pair.claim.lower().split()) for pair in pairs]
    evidence = [frozenset(pair.evidence.lower().split()) for pair in pairs]
    for number, pair in enumerate(pairs):
        if pair.label != SUPPORTED or draw.random() > share:
            continue
        others = [other for other in draw.choices(range(len(pairs)), k=24) if pairs[other].group != pair.group]
        best = max(others, key=lambda other: len(words[number] & evidence[other]), default=None)
        if best is not None and fold_of(pairs[best].group) == fold_of(pair.group) and pairs[best].evidence != pair.evidence:
            yield msgspec.structs.replace(
                pair, evidence=pairs[best].evidence, label=NOT_MENTIONED, spans=[(0, len(pair.claim))], kind="swapped"
            )


def question_pairs(draw: random.Random) -> Iterator[Pair]:
    """XQuAD: a person's question with its answer is a rewording of the passage; with the answer to another question of the
    same passage it is not. The sentence that answers taken out makes "not mentioned"."""
    passages = {row["id"]: row for row in read_rows(DATA / "xquad_en" / "kb.jsonl.gz")}
    by_passage: dict[str, list[dict[str, Any]]] = {}
    for row in read_rows(DATA / "xquad_en" / "qa_dev.jsonl.gz"):
        by_passage.setdefault(row["kb_id"], []).append(row)
    for identifier, rows in by_passage.items():
        text = passages[identifier]["text"]
        if len(text) > 900:
            text = text[: text.rfind(" ", 0, 900)]
        for row in rows:
            answer, start = row["answers"][0]["text"], row["answers"][0]["answer_start"]
            if start + len(answer) > len(text):
                continue
            lead = row["question"].strip()
            common = {"set": "xquad_en", "group": f"xquad_en:{row['title']}", "answer": row["id"]}
            claim = f"{lead} {answer}"
            span = (len(lead) + 1, len(claim))
            yield Pair(**common, evidence=text, claim=claim, label=SUPPORTED, spans=[], kind="answer")
            others = [
                other["answers"][0]["text"]
                for other in rows
                if other["answers"][0]["text"] not in answer
                and answer not in other["answers"][0]["text"]
                and any(c.isdigit() for c in other["answers"][0]["text"]) == any(c.isdigit() for c in answer)
            ]
            if others:
                wrong = f"{lead} {draw.choice(others)}"
                yield Pair(
                    **common, evidence=text, claim=wrong, label=CONTRADICTED, spans=[(span[0], len(wrong))], kind="other answer"
                )
            left = max(text.rfind(". ", 0, start) + 2, 0) if ". " in text[:start] else 0
            right = text.find(". ", start + len(answer))
            rest = (text[:left] + (text[right + 2 :] if right >= 0 else "")).strip()
            if len(rest) > 150 and answer not in rest:
                yield Pair(**common, evidence=rest, claim=claim, label=NOT_MENTIONED, spans=[span], kind="removed")


def all_pairs(*, seed: int = 5) -> list[Pair]:
    """Everything that may be learnt from, in a fixed order. No set that is kept for measuring is in it."""
    draw, windows = random.Random(seed), Windows()
    made: list[Pair] = []
    for name in ("ragtruth_qa_adapt", "quintd_train", "infotabs_train", "summedits_train", "wice_tok_train", "frank_train"):
        made.extend(answer_pairs(name, windows, draw))
    fib = [pair for pair in answer_pairs("fib_train", windows, draw) if pair.group not in doubled_documents()]
    made.extend(fib)
    human: list[Pair] = []
    for name in PARAPHRASES:
        found = list(paraphrase_pairs(name))
        human.extend(found)
        share = {"wikisplit_en": 0.6, "deplain_web_de": 1.0, "dart_en": 1.0, "stsb_en": 0.0, "sgd_en": 0.15}.get(name, 0.0)
        human.extend(swapped(found, draw, share))
    human.extend(question_pairs(draw))
    made.extend(human)
    made.extend(case_pairs(held_back=False))
    return [*made, *constructed(made, seed=seed)]


def constructed(pairs: list[Pair], *, seed: int = 5) -> list[Pair]:
    """What is made up: business facts, and faults planted in the supported of `pairs`."""
    bases = [pair for pair in pairs if pair.label == SUPPORTED and pair.set in corruptions.BASES]
    facts = list(business_pairs(random.Random(seed + 1), 16_000))
    return [*facts, *corruptions.matched(bases, random.Random(seed + 2), 48_000)]


PARAPHRASES = (
    *("deplain_web_de", "pawsx_de", "rte3_de", "forum_te_de", "xquad_xling", "med_en", "wikisplit_en", "dart_en", "stsb_en"),
    *("sgd_en", "mnli_dev_en", "e2e_clean_en"),
)


def case_pairs(*, held_back: bool) -> Iterator[Pair]:
    """Our own cases with their whole source."""
    for example in case_examples(held_back=held_back):
        yield Pair(
            set="own_cases",
            group=example.group,
            answer=example.answer,
            evidence="\n".join(example.sources)[:700],
            claim=example.claim,
            label=SUPPORTED if example.supported else UNSUPPORTED,
            spans=[] if example.supported else None,
        )


@lru_cache(maxsize=1)
def doubled_documents() -> frozenset[str]:
    """Groups of FIB whose document is in the XSum hallucination annotations too, which the trust score is fitted on under
    another group name."""
    known = {" ".join(row["sources"])[:200] for row in read_rows(DATA / "grounding" / "xsumhal_train.jsonl.gz")}
    return frozenset(
        row["group"] for row in read_rows(DATA / "grounding" / "fib_train.jsonl.gz") if " ".join(row["sources"])[:200] in known
    )
