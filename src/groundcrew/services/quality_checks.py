"""The five looks at a knowledge base, each giving findings: contradictions, stale passages, questions without an answer, passages
never used, answers often corrected. They read, and write nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from groundcrew.domain.knowledge import KnowledgeBase, Passage, Revision
from groundcrew.domain.knowledge_quality import ACTIONS, EXAMPLES_MAX, QUOTE_LENGTH_MAX, Finding, FindingKind, Quote, finding_id
from groundcrew.services.knowledge_use import Question, Use

if TYPE_CHECKING:
    from groundcrew.grounding.contradictions import Contradiction, Place
    from groundcrew.grounding.encoder import Encoder
    from groundcrew.grounding.retrieval import KnowledgeIndex

#: Passages near in meaning whose sentences are compared with those of one passage, and how near they must be.
NEIGHBOURS, NEIGHBOUR_COSINE_MIN = 10, 0.4
#: A revision whose review is due within this time is told of.
EXPIRES_WITHIN = timedelta(days=14)
#: A document that stands unchanged for this long, whatever its base's reviews say, is to be read again.
UNCHANGED_MAX = timedelta(days=730)
#: With fewer calls in the window nothing is said about what is never used.
USE_CALLS_MIN = 50
#: Findings of one kind that one run keeps, the most frequent first.
FINDINGS_MAX = 200
#: A question is named once it was asked this often; what was asked once is counted only.
ASKED_MIN = 2
#: Corrected answers from which on a passage is named.
CORRECTED_MIN = 2

_WHYS = {
    "ended": "Its validity ended on {day:%Y-%m-%d}",
    "ends soon": "Its validity ends on {day:%Y-%m-%d}",
    "updated long ago": "It says that it was last updated on {day:%Y-%m-%d}",
}


class Maker:
    """Makes findings about one revision of one base."""

    def __init__(self, base: KnowledgeBase, revision: Revision, now: datetime) -> None:
        self.base, self.revision, self.now = base, revision, now

    def make(self, kind: FindingKind, title: str, texts: Sequence[str], **fields: Any) -> Finding:
        """A finding that is known by `texts`."""
        return Finding(
            id=finding_id(self.base.name, kind, *texts),
            knowledge_base=self.base.name,
            kind=kind,
            title=title,
            owner=self.base.owner,
            found_at=self.now,
            revision=self.revision.id,
            action=ACTIONS[kind],
            **fields,
        )


def contradictions(
    maker: Maker, index: KnowledgeIndex, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Finding], int, bool]:
    """(findings, pairs of sentences compared, whether some were left out)."""
    from groundcrew.grounding.contradictions import search

    found = search(index.passages, lambda row: index.neighbours(row, NEIGHBOURS, NEIGHBOUR_COSINE_MIN), progress=progress)
    findings = []
    distinct = _distinct(found.found)
    for each in distinct[:FINDINGS_MAX]:
        quotes = tuple(
            quote(index.passages[place.row], index.passages[place.row].text[place.start : place.end])
            for place in (each.left, each.right)
        )
        findings.append(maker.make("contradiction", each.reason, [each.text for each in quotes], quotes=quotes))
    return findings, found.pairs, found.truncated or len(distinct) > FINDINGS_MAX


def _distinct(found: Sequence[Contradiction]) -> list[Contradiction]:
    """`found`, in its order, without what says the same of a part of the same sentences: a person settles each once."""
    longest = sorted(found, key=lambda each: each.left.start - each.left.end + each.right.start - each.right.end)
    kept: dict[tuple[int, int, str], list[Contradiction]] = {}
    for each in longest:
        beside = kept.setdefault((each.left.row, each.right.row, each.reason), [])
        if not any(_overlap(each.left, other.left) and _overlap(each.right, other.right) for other in beside):
            beside.append(each)
    chosen = {id(each) for several in kept.values() for each in several}
    return [each for each in found if id(each) in chosen]


def _overlap(first: Place, second: Place) -> bool:
    return first.start < second.end and second.start < first.end


def stale(maker: Maker, passages: Sequence[Passage], unchanged_since: dict[str, datetime]) -> list[Finding]:
    """Sentences whose own dates are over, documents that nobody has changed for long, and a review that is due.

    `unchanged_since`: document → when its present text was first added.
    """
    from groundcrew.grounding.staleness import dated

    findings = []
    for each in dated(passages, maker.now.date()):
        passage = passages[each.row]
        text = passage.text[each.start : each.end]
        title = _WHYS[each.why].format(day=each.day)
        findings.append(maker.make("stale", title, [each.why, text], quotes=(quote(passage, text),)))
    first = {passage.document: passage for passage in reversed(passages)}
    for document, since in sorted(unchanged_since.items()):
        if document in first and maker.now - since > UNCHANGED_MAX:
            title = f"Unchanged since {since:%Y-%m-%d}"
            findings.append(maker.make("stale", title, [document, title], quotes=(quote(first[document], ""),)))
    expires = maker.revision.expires_at
    if expires is not None and expires - maker.now < EXPIRES_WITHIN:
        over = expires <= maker.now
        title = f"The review of the whole revision {'was' if over else 'is'} due on {expires:%Y-%m-%d}"
        findings.append(
            maker.make("stale", title + ("; nothing serves since" if over else ""), [maker.revision.id, str(expires)])
        )
    return findings[:FINDINGS_MAX]


def unanswered(maker: Maker, questions: Sequence[Question], encoder: Encoder) -> list[Finding]:
    """Questions that got no answer at least ASKED_MIN times, the most frequent first. `questions`: oldest first."""
    from groundcrew.grounding.question_groups import group

    leaders = group([each.text for each in questions], encoder)
    groups: dict[int, list[Question]] = defaultdict(list)
    for question, leader in zip(questions, leaders, strict=True):
        groups[leader].append(question)
    findings = []
    for leader, members in groups.items():
        counted = [each for each in members if not each.sample] or members
        if len(counted) < ASKED_MIN:
            continue
        texts = list(dict.fromkeys(" ".join(each.text.split())[:QUOTE_LENGTH_MAX] for each in counted))
        findings.append(
            maker.make(
                "unanswered",
                texts[0],
                [questions[leader].text],
                questions=tuple(texts[:EXAMPLES_MAX]),
                calls=tuple(each.call_id for each in reversed(counted[-EXAMPLES_MAX:])),
                count=len(counted),
                last_seen_at=counted[-1].at,
                sample=counted[0].sample,
            )
        )
    return sorted(findings, key=lambda each: (each.sample, -each.count, each.id))[:FINDINGS_MAX]


def unused(maker: Maker, passages: Sequence[Passage], use: Use, unchanged_since: dict[str, datetime]) -> list[Finding]:
    """Documents of which no passage was found in the window's calls since they are as they are; nothing is said of one that
    fewer than USE_CALLS_MIN calls could have found."""
    documents: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        documents[passage.document].append(passage)
    findings = []
    for document, own in sorted(documents.items()):
        number = sum(each >= unchanged_since.get(document, maker.revision.added_at) for each in use.times)
        if number < USE_CALLS_MIN or any(use.found[each.id] for each in own):
            continue
        findings.append(
            maker.make(
                "unused",
                f"None of its {len(own)} passages was found in {number} calls",
                [document, *(each.text for each in own)],
                quotes=(quote(own[0], own[0].text),),
                count=len(own),
                of=number,
                sample=not use.calls,
            )
        )
    return findings[:FINDINGS_MAX]


def corrected(maker: Maker, passages: Sequence[Passage], use: Use) -> list[Finding]:
    """Passages on which at least CORRECTED_MIN answers rested that people corrected, the most often first."""
    by_id = {each.id: each for each in passages}
    findings = []
    for passage_id, calls in use.corrected.items():
        counted = [each for each in calls if not each[2]] or calls
        if passage_id not in by_id or len(counted) < CORRECTED_MIN:
            continue
        passage, of = by_id[passage_id], use.rested[passage_id]
        newest = sorted(counted, key=lambda each: each[1], reverse=True)
        findings.append(
            maker.make(
                "corrected",
                f"{len(counted)} of {of} answers that rested on it were corrected",
                [passage.text],
                quotes=(quote(passage, passage.text),),
                calls=tuple(each[0] for each in newest[:EXAMPLES_MAX]),
                count=len(counted),
                of=of,
                last_seen_at=newest[0][1],
                sample=counted[0][2],
            )
        )
    return sorted(findings, key=lambda each: (each.sample, -each.count, each.id))[:FINDINGS_MAX]


def most_used(passages: Iterable[Passage], use: Use, limit: int) -> list[dict[str, Any]]:
    """The passages that answers quoted most often, with how often they were found."""
    by_id = {each.id: each for each in passages}
    ranked = Counter({each: number for each, number in use.quoted.items() if each in by_id})
    return [
        {
            "document": by_id[each].document,
            "title": by_id[each].title,
            "heading": by_id[each].heading,
            "quoted": number,
            "found": use.found[each],
        }
        for each, number in sorted(ranked.items(), key=lambda item: (-item[1], item[0]))[:limit]
    ]


def quote(passage: Passage, text: str) -> Quote:
    """Words of a passage as a quote."""
    return Quote(
        text=text[:QUOTE_LENGTH_MAX],
        document=passage.document,
        title=passage.title,
        heading=passage.heading,
        passage_id=passage.id,
    )
