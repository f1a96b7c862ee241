"""Chooses what of the sources is read beside a claim: the few sentences that together say most of it, in the order of the
text and within a fixed length, so that one reading by the entailment network costs the same for a page and for a book."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.statement import Statement

#: Characters of a window: about 70 tokens of English. A first sentence that is longer is taken whole and cut by the network.
WINDOW_CHARS_MAX = 320
#: Characters where the sources are rows of a record or table, which are cheap to read and say nothing alone.
ROWS_CHARS_MAX = 640
#: Share of the sentences that must look like rows ("key: value", cells, bare figures) for a source to be read as a record.
ROWS_SHARE_MIN = 0.6
#: Sentences that are looked at for one window, the highest ranked ones.
CANDIDATES_MAX = 32
#: Longest opening line of a source that is taken along as its title.
TITLE_CHARS_MAX = 80
#: What a sentence is worth beyond the claim's words that it adds: its own rank, and standing next to a chosen one.
RANK_WORTH, NEIGHBOUR_WORTH = 0.5, 0.12
#: In prose, a sentence that is worth less is left out even where there is room for it.
WORTH_MIN = 0.1

_PLAIN_LINE = re.compile(r"[^\n\t{}\[\]\"|*`#<>]+")
#: A row's length counts at least so many characters for each word, figure and mark.
CHARS_PER_TOKEN = 4
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SUBJECT = re.compile(r"([^:\n]{1,80}?) of ([^:\n]{1,80}): ")
_ROW = re.compile(r"[^\s:][^:]{0,90}:(?:\s|$)|[^|]*\|[^|]*\||\S+$")


def evidence_window(
    claim: Statement, evidence: Evidence, similarities: dict[int, float] | None = None, *, characters_max: int | None = None
) -> str:
    """The window for `claim` as one text: chosen sentences in the order of the sources, a line break between sources and
    before a row. Empty where the sources hold no sentence. `similarities` are the encoder's cosines by sentence number, where
    known; `characters_max` overrides the length.

    Greedy weighted set cover (Nemhauser et al. 1978) over the claim's words.
    """
    return window_text(chosen_sentences(claim, evidence, similarities, characters_max=characters_max), evidence)


def window_text(chosen: Sequence[SourceSentence], evidence: Evidence) -> str:
    """Chosen sentences as one text."""
    rows = are_rows(evidence)
    parts: list[str] = []
    before: SourceSentence | None = None
    for sentence in chosen:
        if before is not None:
            parts.append("\n" if rows or sentence.source != before.source else " ")
        parts.append(_written(sentence, evidence))
        before = sentence
    return "".join(parts)


def _line(sentence: SourceSentence, evidence: Evidence) -> str:
    return evidence.sources[sentence.source][sentence.start : sentence.end]


def _written(sentence: SourceSentence, evidence: Evidence) -> str:
    """The sentence as it is read."""
    key = ("written", sentence.number)
    if key not in evidence.kept:
        evidence.kept[key] = _restated(sentence, evidence)
    text: str = evidence.kept[key]
    return text


def _restated(sentence: SourceSentence, evidence: Evidence) -> str:
    """The sentence as it is read: a plain line ("key: value", "2024-03-01,5") as the source has it and as the network learnt it;
    what stands in JSON, in a table or on several lines as it was restated, without the subject that every row repeats."""
    line, text = _line(sentence, evidence), sentence.statement.text
    if _PLAIN_LINE.fullmatch(line):
        return line
    restated = _SUBJECT.match(text) if line != text else None
    if restated and restated.group(2).lower() not in line.lower():
        return f"{restated.group(1)}: {text[restated.end() :]}"
    return text


def _own_stems(sentence: SourceSentence, evidence: Evidence) -> frozenset[str]:
    """The stems of what the source itself has there: a restated row repeats its subject, which would make all rows alike."""
    line = _line(sentence, evidence)
    if line == sentence.statement.text:
        return sentence.stems
    lowered = line.lower()
    return frozenset(token.stem for token in sentence.statement.tokens if token.is_content and token.text.lower() in lowered)


def chosen_sentences(
    claim: Statement, evidence: Evidence, similarities: dict[int, float] | None = None, *, characters_max: int | None = None
) -> list[SourceSentence]:
    """The sentences of the window in the order of the sources."""
    if not evidence.sentences:
        return []
    rows = are_rows(evidence)
    limit = characters_max or (ROWS_CHARS_MAX if rows else WINDOW_CHARS_MAX)
    forms, weights, held = _words(claim, evidence)
    total = float(weights.sum()) or 1.0
    rank = held @ weights / total if len(forms) else np.zeros(len(evidence.sentences))
    for number, cosine in (similarities or {}).items():
        rank[number] += max(0.0, cosine) * RANK_WORTH
    candidates = np.argsort(-rank, kind="stable")[:CANDIDATES_MAX].tolist()
    chosen: list[int] = []
    used, open_weights, near = 0, weights.copy(), np.zeros(len(evidence.sentences) + 2)
    while candidates:
        worth = held[candidates] @ open_weights / total + RANK_WORTH * rank[candidates] + NEIGHBOUR_WORTH * near[candidates]
        best = int(np.argmax(worth))
        if chosen and not rows and worth[best] < WORTH_MIN:
            break
        number = candidates.pop(best)
        length = _length(_written(evidence.sentences[number], evidence), rows)
        if chosen and used + length > limit:
            continue
        chosen.append(number)
        used += length
        open_weights[held[number]] = 0.0
        near[[number - 1, number + 1]] = 1.0
        if len(chosen) == 1:
            used += _title(evidence, number, chosen)
            candidates = [each for each in dict.fromkeys([*candidates, number - 1, number + 1]) if _fits(evidence, each, chosen)]
    return [evidence.sentences[number] for number in sorted(chosen)]


def _length(text: str, rows: bool) -> int:
    """Characters, or what as many tokens of common words would have: figures and marks cost a token each."""
    return max(len(text) + 1, CHARS_PER_TOKEN * len(_TOKEN.findall(text))) if rows else len(text) + 1


def are_rows(evidence: Evidence) -> bool:
    """Whether the sources are rows of a record or table rather than prose."""
    key = ("rows",)
    if key not in evidence.kept:
        looked_at = evidence.sentences[:CANDIDATES_MAX]
        rows = sum(bool(_ROW.match(_written(sentence, evidence))) for sentence in looked_at)
        evidence.kept[key] = len(looked_at) >= 3 and rows >= ROWS_SHARE_MIN * len(looked_at)
    return bool(evidence.kept[key])


def _words(claim: Statement, evidence: Evidence) -> tuple[list[frozenset[str]], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The claim's words as sets of stems that the sources use, their weights, and which sentence holds which:
    (words,), (sentences, words)."""
    stems = list(dict.fromkeys(token.stem for token in claim.tokens if token.is_content))
    forms = [frozenset(evidence.forms(stem)) for stem in stems]
    found = [(stem, form) for stem, form in zip(stems, forms, strict=True) if form]
    weights = np.array([evidence.weight(min(form)) for _, form in found])
    own = _holders(evidence)
    held = np.zeros((len(evidence.sentences), len(found)), dtype=bool)
    for column, (_, form) in enumerate(found):
        for word in form:
            held[own.get(word, []), column] = True
    return [form for _, form in found], weights, held


def _holders(evidence: Evidence) -> dict[str, list[int]]:
    """The sentences whose own words each stem is one of."""
    key = ("holders",)
    if key not in evidence.kept:
        holders: dict[str, list[int]] = {}
        for sentence in evidence.sentences:
            for word in _own_stems(sentence, evidence):
                holders.setdefault(word, []).append(sentence.number)
        evidence.kept[key] = holders
    found: dict[str, list[int]] = evidence.kept[key]
    return found


def _title(evidence: Evidence, number: int, chosen: list[int]) -> int:
    """Takes the opening line of the chosen sentence's source along where it is short; the characters that it costs."""
    source = evidence.sentences[number].source
    first = number
    while first > 0 and evidence.sentences[first - 1].source == source:
        first -= 1
    length = len(evidence.sentences[first].statement.text)
    if first == number or length > TITLE_CHARS_MAX:
        return 0
    chosen.append(first)
    return length + 1


def _fits(evidence: Evidence, number: int, chosen: Sequence[int]) -> bool:
    if number in chosen or not 0 <= number < len(evidence.sentences):
        return False
    return evidence.sentences[number].source == evidence.sentences[chosen[0]].source or number not in (
        chosen[0] - 1,
        chosen[0] + 1,
    )
