"""Turns labelled claims into the features and check findings that the product computes, and keeps them in a scratch file,
so that fitting takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from examples import (
    GROUNDING_TRAIN,
    PARAPHRASE_TRAIN,
    Example,
    case_examples,
    claim_examples,
    constructed_examples,
    grounding_answers,
    paraphrase_examples,
)

from groundcrew.grounding.checks import run_checks
from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.evidence import Evidence, find_verbatim
from groundcrew.grounding.features import EncodingCache, gather
from groundcrew.grounding.statement import read_statement


class Extracted(msgspec.Struct, kw_only=True):
    """What the product sees of one labelled claim. `cap` is the most support that the checks leave (1: none spoke)."""

    dataset: str
    group: str
    answer: str
    supported: bool
    verbatim: bool
    cap: float
    checks: list[str]
    reasons: list[str]
    features: list[float]
    plain: list[float]
    claim: str
    best: str


def extract(examples: Iterable[Example], cache: EncodingCache) -> list[Extracted]:
    """Features of each example with the encoder (`features`) and without (`plain`)."""
    rows: list[Extracted] = []
    evidence, key = None, None
    for example in examples:
        if example.sources != key or evidence is None:
            evidence, key = Evidence(example.sources), example.sources
        if not evidence.sentences:
            continue
        statement = read_statement(example.claim)
        nothing: frozenset[str] = frozenset()
        described = gather([statement], [nothing], evidence, cache)[0]
        plain = gather([statement], [nothing], evidence, None)[0]
        findings = run_checks(statement, nothing, evidence, described.anchors, described.similarity)
        rows.append(
            Extracted(
                dataset=example.dataset,
                group=example.group,
                answer=example.answer,
                supported=example.supported,
                verbatim=find_verbatim(example.claim, evidence) is not None,
                cap=min([1.0, *(finding.support_max for finding in findings)]),
                checks=[finding.check for finding in findings],
                reasons=[finding.reason for finding in findings],
                features=described.features.tolist(),
                plain=plain.features.tolist(),
                claim=example.claim,
                best=described.anchors[0].statement.text,
            )
        )
    return rows


def training_rows(scratch: Path, report: Callable[[str], None] = print) -> list[Extracted]:
    """All training claims; read from `scratch` where an earlier run left them."""
    cache = EncodingCache(Encoder.shipped(threads=1))
    rows: list[Extracted] = []
    sources: list[tuple[str, Callable[[], list[Example]]]] = [
        *((name, lambda name=name, size=size: _claims_of(name, size)) for name, size in GROUNDING_TRAIN.items()),
        *((name, lambda name=name, size=size: paraphrase_examples(name, size)) for name, size in PARAPHRASE_TRAIN.items()),
        ("own_cases", lambda: case_examples(held_back=False)),
        ("constructed", lambda: constructed_examples(1500)),
    ]
    scratch.mkdir(parents=True, exist_ok=True)
    for name, load in sources:
        path = scratch / f"{name}.json"
        if path.exists():
            found = msgspec.json.decode(path.read_bytes(), type=list[Extracted])
        else:
            found = extract(load(), cache)
            path.write_bytes(msgspec.json.encode(found))
        report(f"{name}: {len(found)} claims, {sum(row.supported for row in found)} supported")
        rows.extend(found)
    return rows


def _claims_of(name: str, size: int) -> list[Example]:
    return [example for answer in grounding_answers(name, size) for example in claim_examples(answer)]
