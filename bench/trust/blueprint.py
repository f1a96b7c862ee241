"""Measures what the trust score costs the blueprint: how many grounded answers to its e-mails fall below its threshold,
and how many planted inventions do not. One command: python bench/trust/blueprint.py"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.domain.trust import TrustReport
from groundcrew.grounding.answer import ExtractiveEngine, search_message
from groundcrew.grounding.chunking import split
from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.index import build
from groundcrew.grounding.loader import load_paths
from groundcrew.grounding.retrieval import Hit, KnowledgeIndex
from groundcrew.grounding.trust import TrustScorer
from groundcrew.stats.intervals import wilson

BLUEPRINT = Path(__file__).resolve().parents[2] / "blueprints" / "bank-email"
#: Passages that the gateway hands to an answer, and the blueprint's threshold (use_case.yaml).
PASSAGES, THRESHOLD = 12, 0.7
MAIL = "Dear customer,\n\nThank you for your message.\n\n{answer}\n\nKind regards,\nBergsee Bank"

Score = Callable[[str, Sequence[str], str], TrustReport]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to a message, the passages that it may rest on, and the group that it counts in."""

    id: str
    group: str
    text: str
    question: str
    sources: tuple[str, ...]


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one file of the blueprint's data."""
    return [json.loads(line) for line in (BLUEPRINT / "data" / name).read_text(encoding="utf-8").splitlines()]


def grounded_answers(index: KnowledgeIndex, engine: ExtractiveEngine, passages: dict[str, list[str]]) -> Iterator[Answer]:
    """Answers that are right: quoted by the engine, quoted by hand in a letter, and in free wording."""
    for mail in rows("emails.jsonl"):
        if not mail["answerable"]:
            continue
        hits = search_message(index, mail["text"], PASSAGES)[:PASSAGES]
        composed = engine.compose(mail["text"], hits)
        if composed.answered:
            yield _answer(mail["id"], "quoted by the engine", composed.text, mail["text"], hits, [])
        own = [text for name in mail["articles"] for text in passages[name]]
        letter = MAIL.format(answer=" ".join(mail["expected"]))
        yield _answer(mail["id"], "quoted in a letter", letter, mail["text"], hits, own)
    for name, group in (("grounded_answers.jsonl", "free wording, demo"), ("rewordings.jsonl", "free wording")):
        for row in rows(name):
            hits = search_message(index, row["question"], PASSAGES)[:PASSAGES]
            own = [text for article in row["articles"] for text in passages[article]]
            language = {"de": ", German", "en": ", English"}.get(row.get("language", ""), "")
            yield _answer(row["id"], group + language, row["answer"], row["question"], hits, own)


def invented_answers(index: KnowledgeIndex) -> Iterator[Answer]:
    """Answers with a planted fault, in the groups of their kinds."""
    for row in rows("inventions.jsonl"):
        hits = search_message(index, row["question"], PASSAGES)[:PASSAGES]
        yield _answer(row["id"], row["kind"].replace("_", " "), row["answer"], row["question"], hits, [])


def _answer(identifier: str, group: str, text: str, question: str, hits: Sequence[Hit], own: Sequence[str]) -> Answer:
    sources = tuple(dict.fromkeys([*own, *(hit.passage.text for hit in hits)]))
    return Answer(id=identifier, group=group, text=text, question=question, sources=sources)


def passes(report: TrustReport, threshold: float) -> bool:
    """Whether the blueprint's rule lets the answer leave: trust at the threshold, and no contradicted claim."""
    return report.trust is not None and report.trust >= threshold and not any(claim.contradicted for claim in report.claims)


def table(answers: Sequence[Answer], score: Score, threshold: float, *, verbose: bool) -> list[str]:
    """One line a group: how many answers fall below the threshold, with a 95 % interval."""
    kept: dict[str, list[bool]] = {}
    for answer in answers:
        report = score(answer.text, answer.sources, answer.question)
        kept.setdefault(answer.group, []).append(passes(report, threshold))
        if verbose and not kept[answer.group][-1]:
            worst = min(report.claims, key=lambda claim: claim.support, default=None)
            print(f"{answer.id}: {report.trust} {answer.text!r}", file=sys.stderr)
            if worst is not None:
                print(f"    {worst.support} {answer.text[worst.start : worst.end]!r} {worst.reasons}", file=sys.stderr)
    groups = {**kept, "all": [value for values in kept.values() for value in values]}
    return [_line(group, values) for group, values in groups.items()]


def _line(group: str, values: Sequence[bool]) -> str:
    below = len(values) - sum(values)
    share = wilson(below, len(values))
    return (
        f"| {group} | {len(values)} | {below} | {below / len(values):.1%} ({share.lower or 0.0:.1%}–{share.upper or 1.0:.1%}) |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("--verbose", action="store_true", help="name every answer below the threshold, on stderr")
    arguments = parser.parse_args()
    encoder = Encoder.shipped(threads=1)
    documents = load_paths([BLUEPRINT / "knowledge"])
    passages = {Path(each.path).name: [passage.text for passage in split(each)] for each in documents}
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder) / "index", [passage for each in documents for passage in split(each)], encoder)
        index = KnowledgeIndex.open(Path(folder) / "index", encoder)
        grounded = list(grounded_answers(index, ExtractiveEngine(encoder), passages))
        invented = list(invented_answers(index))
    score = TrustScorer.shipped().score
    columns = "| answers | n | below the threshold | share (95 %) |\n|---|---|---|---|"
    for title, answers in (("Grounded answers (below is a loss)", grounded), ("Planted inventions (below is a catch)", invented)):
        print(f"\n{title}, threshold {arguments.threshold}\n\n{columns}")
        print("\n".join(table(answers, score, arguments.threshold, verbose=arguments.verbose and answers is grounded)))


if __name__ == "__main__":
    main()
