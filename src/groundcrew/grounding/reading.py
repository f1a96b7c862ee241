"""Reads one answer against its sources: its claims, and of each claim the evidence, what the checks find and the features.
No weights here: fitting and scoring both start from exactly this."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.grounding.checks import Told, run_checks, told_by
from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.claims import CLAIMS_MAX, Segment, segments
from groundcrew.grounding.evidence import SOURCES_MAX, Evidence, SourceSentence, find_verbatim
from groundcrew.grounding.features import describe
from groundcrew.grounding.lexicon import tokens
from groundcrew.grounding.ranking import Window, choose_window
from groundcrew.grounding.statement import Statement, read_statement
from groundcrew.grounding.wordlists import word_set

#: Code points of an answer that are read; what comes after counts as one unsupported claim.
ANSWER_CHARS_MAX = 20_000
QUESTION_CHARS_MAX = 8_000
#: Evidence sentences per claim that checks treat as its support.
ANCHORS_MAX = 4

_PRONOUNS = word_set(
    """it its they their he she his her this that these those such dies diese dieser dieses sie es er deren
    il elle ils elles cela ceci esso essa questo ciò"""
)


class ClaimReading(msgspec.Struct, frozen=True, kw_only=True):
    """One claim. `place` is (source, start, end) where it stands word for word; else `window` and `features`, which are None
    only where the sources hold no sentence."""

    segment: Segment
    statement: Statement
    place: tuple[int, int, int] | None = None
    window: Window | None = None
    findings: tuple[Finding, ...] = ()
    features: npt.NDArray[np.float64] | None = None

    @property
    def evidence_text(self) -> str:
        """What an encoder reads beside the claim."""
        return self.window.text if self.window is not None else ""


class AnswerReading(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. `unread` is where what lies beyond the limits starts, None where all was read; `evidence` is None without
    a source that holds text."""

    answer: str
    segments: tuple[Segment, ...]
    claims: tuple[ClaimReading, ...]
    unread: int | None
    evidence: Evidence | None

    @property
    def is_refusal(self) -> bool:
        """Whether some segment declines to answer."""
        return any(segment.kind == "refusal" for segment in self.segments)


def read_answer(
    answer: str, sources: Sequence[str], question: str | None = None, *, evidence: Evidence | None = None
) -> AnswerReading:
    """Reads `answer` (its first 20,000 characters and 400 claims) against the first 200 of `sources`. `question` supports
    nothing: words that an answer repeats from it count less. `evidence` are the same sources where they have been read."""
    found = tuple(segments(answer[:ANSWER_CHARS_MAX]))
    claimed = [segment for segment in found if segment.kind == "claim"]
    unread = ANSWER_CHARS_MAX if len(answer) > ANSWER_CHARS_MAX else None
    if len(claimed) > CLAIMS_MAX:
        unread = claimed[CLAIMS_MAX].start
    if unread is not None and not answer[unread:].strip():
        unread = None
    claimed = claimed[:CLAIMS_MAX]
    usable = [source if isinstance(source, str) else "" for source in sources[:SOURCES_MAX]]
    statements = [read_statement(claim.reading) for claim in claimed]
    if evidence is None and claimed and any(source.strip() for source in usable):
        evidence = Evidence(usable)
    if evidence is None:
        claims = tuple(
            ClaimReading(segment=claim, statement=statement) for claim, statement in zip(claimed, statements, strict=True)
        )
    else:
        contexts = _contexts(claimed, statements)
        asked = read_statement((question or "")[:QUESTION_CHARS_MAX])
        around = told_by([*statements, asked])
        claims = tuple(
            _read_claim(answer, claim, statement, contexts[number], evidence, asked, around)
            for number, (claim, statement) in enumerate(zip(claimed, statements, strict=True))
        )
    return AnswerReading(answer=answer, segments=found, claims=claims, unread=unread, evidence=evidence)


def _read_claim(
    answer: str,
    segment: Segment,
    statement: Statement,
    context: frozenset[str],
    evidence: Evidence,
    asked: Statement,
    around: Told,
) -> ClaimReading:
    verbatim = _verbatim(answer, segment, evidence)
    if verbatim is not None:
        return ClaimReading(segment=segment, statement=statement, place=verbatim)
    window = choose_window(statement, context, evidence)
    if window is None:
        return ClaimReading(segment=segment, statement=statement)
    anchors = [evidence.sentences[number] for number in window.ranked[:ANCHORS_MAX]]
    findings = tuple(run_checks(statement, context, evidence, anchors, _no_similarity, around, asked))
    return ClaimReading(
        segment=segment,
        statement=statement,
        window=window,
        findings=findings,
        features=describe(statement, window, evidence, findings, frozenset(token.stem for token in asked.tokens)),
    )


def _verbatim(answer: str, segment: Segment, evidence: Evidence) -> tuple[int, int, int] | None:
    """Where the claim stands word for word: itself, or the sentence that it is a clause of. A list item or table row must stand
    under the same words there: "CHF 48" under another heading is another claim."""
    place = find_verbatim(segment.text, evidence) or find_verbatim(answer[slice(*segment.sentence)], evidence)
    if place is None or not segment.listed:
        return place
    source, start, end = place
    found = [each for each in evidence.sentences if each.source == source and each.start < end and each.end > start]
    known = frozenset[str]().union(*(each.stems | each.lead for each in found))
    above = "" if segment.reading != segment.text else segment.lead
    wanted = [token.stem for token in tokens(f"{segment.reading} {above}") if token.is_content]
    return place if all(word in known for word in wanted) else None


def _no_similarity(_: SourceSentence) -> float:
    return -1.0


def _contexts(claimed: Sequence[Segment], statements: Sequence[Statement]) -> list[frozenset[str]]:
    """Stems around each claim that say what it is about: its heading, and the claim before where it starts with a pronoun."""
    contexts: list[frozenset[str]] = []
    for position, claim in enumerate(claimed):
        stems = {token.stem for token in read_statement(claim.lead).tokens if token.is_content} if claim.lead else set()
        if position and _leans_back(statements[position]):
            stems |= {token.stem for token in statements[position - 1].content()}
        contexts.append(frozenset(stems))
    return contexts


def _leans_back(statement: Statement) -> bool:
    return any(token.text.lower() in _PRONOUNS for token in statement.tokens[:3])
