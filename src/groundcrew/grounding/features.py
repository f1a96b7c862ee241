"""What one claim and its evidence have in common, as figures with a name, a direction and a sentence each: how much of the
claim the sources say, in how long runs, which words they lack, and what the checks found. The trust score weighs these."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.grounding.checks.finding import Finding
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.lexicon import STOP_WORDS, stem
from groundcrew.grounding.ranking import Window, claim_words, held_words
from groundcrew.grounding.statement import Statement
from groundcrew.grounding.wordlists import word_set

#: Longest shared runs that are looked up, in words.
SHORT_RUN, LONG_RUN = 3, 5
#: A passage that holds this share of a claim backs it.
BACKING_COVERAGE_MIN = 0.6

_CONDITION = re.compile(
    r"\b(?:if|only|unless|except|provided|subject to|as long as|depending|falls?|wenn|nur|ausser|"
    r"sofern|vorausgesetzt|si|seulement|sauf|pourvu|se|solo|soltanto|salvo|purché)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not?|never|none|nobody|nothing|neither|nor|without|cannot|unable|isn't|aren't|don't|doesn't|didn't|won't|"
    r"can't|wasn't|weren't|nicht|kein\w*|nie|niemals|ohne|weder|ne|pas|jamais|sans|aucune?|non|mai|senza|nessun\w*)\b",
    re.IGNORECASE,
)
_COMPARISON = re.compile(
    r"\b(?:more|less|fewer|most|least|\w{3,}(?:er|ier|est|iest) than|than|highest|lowest|largest|longest|oldest|youngest|"
    r"first|last|only|all|every|always|both|same|mehr|weniger|als|alle|immer|meisten|plus|moins|tous|toujours|più|meno|tutti)\b",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:may|might|can|could|possibly|perhaps|likely|typically|generally|usually|often|sometimes|some|various|important|"
    r"essential|overall|recommended|should|ensure|kann|könnte|vielleicht|oft|manchmal|peut|pourrait|può|potrebbe)\b",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"\b(?:because|therefore|thus|hence|due to|so that|leading to|resulting|as a result|which means|indicating|suggesting|"
    r"making|in order to|weil|daher|deshalb|dadurch|parce que|donc|perché|quindi)\b",
    re.IGNORECASE,
)
_META = re.compile(
    r"\b(?:passages?|sources?|provided|mentioned?|information|according to|context|documents?|states?|text|article|given)\b",
    re.IGNORECASE,
)
#: Words that carry an answer along and say nothing of its matter; their absence from a source is no sign.
_FRAMING = word_set(
    """accord according addition additional additionally after alternatively although another answer appear appears around
    based because before brief certain context depending describe described despite detail details difference different
    directly due during especially even example explain explained explicitly final finally first follow following follows
    further furthermore general generally give given gives hand here's however important include includes including
    indicate indicates information instance instead involve involves like main make makes making mean means mention
    mentioned mentions mind moreover multiple need needed next note number one overall part particular passage passages
    please point possible present provide provided provides providing question rather reason refer referred regarding
    related relevant respectively result say says second section several similar similarly since situation source sources
    specific specifically state stated states step steps such suggest suggests summarize summary sure term terms text
    therefore third thus together two type typically unless until up use used uses using various way ways well whereas
    whether while within without yet it's that's there's attempt clear complete congratulations correct glad happy help
    original repeat repeats sure
    antwort laut gemäss gemäß während daher deshalb zudem ausserdem außerdem jedoch falls beispiel beispielsweise frage
    angabe angaben information informationen quelle quellen text textstelle zusätzlich bezüglich hinweis folgende folgenden
    selon donc cependant ainsi exemple réponse question informations passage secondo quindi tuttavia inoltre esempio
    risposta domanda informazioni"""
)
_FRAMING_STEMS = frozenset(stem(word) for word in _FRAMING)
#: Letters at either end of a word that no source has, by which a compound is known after all.
_PART_CHARS = 5


class Feature(msgspec.Struct, frozen=True):
    """One figure about a claim. `sign`: 1 may only speak for the claim, -1 only against it, 0 either. `reason` is what a low
    score says about it where the feature speaks against the claim; empty where it is no reason of its own."""

    name: str
    sign: Literal[-1, 0, 1]
    reason: str = ""


FEATURES: tuple[Feature, ...] = (
    Feature("coverage_sentence", 1, "no single sentence of the sources says most of it"),
    Feature("coverage_pair", 1),
    Feature("coverage_window", 1, "parts of it stand nowhere near one another in the sources"),
    Feature("coverage_passage", 1),
    Feature("coverage_sources", 1, "words that no source has"),
    Feature("coverage_clause_min", 1, "one part of it is not in the sources"),
    Feature("coverage_plain", 1),
    Feature("coverage_back", 1),
    Feature("coverage_margin", 0),
    Feature("backing_passages", 1),
    Feature("coverage_matter", 1, "words that no source has"),
    Feature("coverage_matter_sentence", 1, "no single sentence of the sources says most of it"),
    Feature("unknown_words_log", -1, "words that no source has"),
    Feature("unknown_matter_log", -1, "words that no source has"),
    Feature("open_matter_log", -1, "words that its evidence lacks"),
    Feature("strange_words_log", -1, "words that no source has"),
    Feature("open_words_log", -1, "words that its evidence lacks"),
    Feature("open_run", -1, "a run of words that its evidence lacks"),
    Feature("open_names", -1, "names that its evidence lacks"),
    Feature("open_digits", -1, "figures that its evidence lacks"),
    Feature("unknown_names", -1, "names that no source has"),
    Feature("unknown_digits", -1, "figures that no source has"),
    Feature("pairs", 1),
    Feature("short_runs", 1, "it is worded unlike the sources"),
    Feature("long_runs", 1),
    Feature("common_run", 1),
    Feature("substitution", -1, "it differs in one word from a source sentence"),
    Feature("condition_dropped", -1, "a condition of its source is missing"),
    Feature("negation_differs", -1, "it and its source differ in a negation"),
    Feature("comparison", -1),
    Feature("comparison_new", -1, "it compares what its source does not compare"),
    Feature("cause", -1),
    Feature("hedge", 0),
    Feature("about_sources", 0),
    Feature("words_log", 0),
    Feature("content_share", 0),
    Feature("digits", 0),
    Feature("names", 0),
    Feature("rows_share", 0),
    Feature("check_figure", -1),
    Feature("check_date", -1),
    Feature("check_name", -1),
    Feature("check_polarity", -1),
    Feature("check_place", -1),
    Feature("check_coverage", -1),
    Feature("check_other", -1),
    Feature("check_contradicts", -1),
    Feature("check_certain", -1),
)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
#: Kinds of findings that the stack weighs together; any other kind is "check_other".
_CHECK_GROUPS: dict[str, str] = {
    **dict.fromkeys(("number", "unit", "currency", "rate"), "check_figure"),
    "date": "check_date",
    "name": "check_name",
    **dict.fromkeys(("negation", "direction", "laterality", "quantifier", "condition"), "check_polarity"),
    **dict.fromkeys(("merged", "role"), "check_place"),
    "coverage": "check_coverage",
}


class Overlap(msgspec.Struct, frozen=True):
    """Which of a claim's words are held where; arrays over the claim's words, each once and in order."""

    words: list[str]
    weights: npt.NDArray[np.float64]
    held: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]
    in_window: npt.NDArray[np.bool_]
    matter: npt.NDArray[np.bool_]


def read_overlap(claim: Statement, window: Window, evidence: Evidence, asked: frozenset[str]) -> Overlap:
    """The overlap of `claim` with the sources and with its window; `matter` marks words that say something new."""
    words = claim_words(claim)
    held, weights = held_words(words, evidence)
    numbers = [sentence.number for sentence in window.sentences]
    matter = np.array([word not in asked and word not in _FRAMING_STEMS for word in words], dtype=bool)
    known, in_window = _any(held), _any(held[:, [*numbers, window.best]])
    return Overlap(words, weights, held, known, in_window, matter)


def describe(
    claim: Statement, window: Window, evidence: Evidence, findings: Sequence[Finding], asked: frozenset[str]
) -> npt.NDArray[np.float64]:
    """(features,) in the order of `FEATURE_NAMES`; all finite. `asked` are the stems of the question, which tell
    nothing for being repeated."""
    overlap = read_overlap(claim, window, evidence, asked)
    found = (
        _coverage(claim, window, evidence, overlap)
        | _matter(evidence, overlap)
        | _gaps(claim, overlap)
        | _runs(claim, window, evidence, overlap)
        | _wording(claim, window, evidence)
        | _setting(claim, evidence)
        | _findings(findings)
    )
    return np.array([found[name] for name in FEATURE_NAMES], dtype=np.float64)


def _any(held: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which words some sentence holds."""
    return np.asarray(held.any(axis=1), dtype=bool)


def _share(weights: npt.NDArray[np.float64], held: npt.NDArray[np.bool_]) -> float:
    total = float(weights.sum())
    return float(weights @ held) / total if total else 0.0


def _coverage(claim: Statement, window: Window, evidence: Evidence, overlap: Overlap) -> dict[str, float]:
    weights, held = overlap.weights, overlap.held
    best = evidence.sentences[window.best]
    pairs = [_share(weights, held[:, best.number] | held[:, other.number]) for other in evidence.neighbours(best)]
    by_passage = [_share(weights, _any(held[:, start:end])) for start, end in evidence.passages]
    wanted = {form for word in overlap.words for form in evidence.forms(word)}
    others = window.coverage.copy()
    others[[sentence.number for sentence in evidence.sentences if sentence.stems == best.stems]] = 0.0
    return {
        "coverage_sentence": float(window.coverage.max()),
        "coverage_pair": max([float(window.coverage[best.number]), *pairs]),
        "coverage_window": _share(weights, overlap.in_window),
        "coverage_passage": max(by_passage),
        "coverage_sources": _share(weights, overlap.known),
        "coverage_clause_min": _clause_minimum(claim, overlap),
        "coverage_plain": float(overlap.known.mean()) if overlap.words else 0.0,
        "coverage_back": sum(stem in wanted for stem in best.stems) / max(1, len(best.stems)),
        "coverage_margin": float(window.coverage[best.number] - others.max()),
        "backing_passages": math.log1p(sum(share >= BACKING_COVERAGE_MIN for share in by_passage)),
    }


def _matter(evidence: Evidence, overlap: Overlap) -> dict[str, float]:
    matter = overlap.matter
    weights, held = overlap.weights[matter], overlap.held[matter]
    is_unknown, is_open = matter & ~overlap.known, matter & ~overlap.in_window
    strange = [word for word, lost in zip(overlap.words, is_unknown, strict=True) if lost and not _has_part(word, evidence)]
    shares = weights @ held / weights.sum() if len(weights) else np.ones(1)
    return {
        "coverage_matter": _share(weights, _any(held)) if len(weights) else 1.0,
        "coverage_matter_sentence": float(shares.max()),
        "unknown_matter_log": math.log1p(int(is_unknown.sum())),
        "open_matter_log": math.log1p(int(is_open.sum())),
        "strange_words_log": math.log1p(len(strange)),
    }


def _has_part(word: str, evidence: Evidence) -> bool:
    """Whether the beginning or the end of a long word stands in some source, as parts of a compound do."""
    return len(word) > _PART_CHARS and any(part in evidence.letters for part in (word[:_PART_CHARS], word[-_PART_CHARS:]))


def _clause_minimum(claim: Statement, overlap: Overlap) -> float:
    """The least covered clause with at least two words of its own."""
    places = {word: number for number, word in enumerate(overlap.words)}
    by_clause: dict[int, list[int]] = {}
    for token in claim.tokens:
        if token.is_content:
            by_clause.setdefault(claim.clause_of(token.start), []).append(places[token.stem])
    shares = [_share(overlap.weights[rows], overlap.in_window[rows]) for rows in by_clause.values() if len(rows) >= 2]
    return min(shares, default=_share(overlap.weights, overlap.in_window))


def _gaps(claim: Statement, overlap: Overlap) -> dict[str, float]:
    digits = np.array([any(char.isdigit() for char in word) for word in overlap.words], dtype=bool)
    named = {token.stem for name in claim.names for token in claim.tokens if name.start <= token.start < name.end}
    names = np.array([word in named for word in overlap.words], dtype=bool)
    is_open, is_unknown = ~overlap.in_window, ~overlap.known
    return {
        "unknown_words_log": math.log1p(int(is_unknown.sum())),
        "open_words_log": math.log1p(int(is_open.sum())),
        "open_run": math.log1p(longest(is_open)),
        "open_names": math.log1p(int((names & is_open).sum())),
        "open_digits": math.log1p(int((digits & is_open).sum())),
        "unknown_names": math.log1p(int((names & is_unknown).sum())),
        "unknown_digits": math.log1p(int((digits & is_unknown).sum())),
        "digits": math.log1p(int(digits.sum())),
        "names": math.log1p(int(names.sum())),
    }


def longest(flags: npt.NDArray[np.bool_]) -> int:
    """Length of the longest run of true."""
    most = current = 0
    for flag in flags.tolist():
        current = current + 1 if flag else 0
        most = max(most, current)
    return most


def _runs(claim: Statement, window: Window, evidence: Evidence, overlap: Overlap) -> dict[str, float]:
    stems = [token.stem for token in claim.tokens]
    content = [token.stem for token in claim.tokens if token.is_content]
    inside = {sentence.number for sentence in window.sentences}
    pairs = list(pairwise(content))
    shared = sum(not inside.isdisjoint(evidence.pair_holders.get(pair, ())) for pair in pairs)
    best = evidence.sentences[window.best]
    return {
        "pairs": shared / len(pairs) if pairs else _share(overlap.weights, overlap.in_window),
        "short_runs": copied_share(stems, evidence, SHORT_RUN),
        "long_runs": copied_share(stems, evidence, LONG_RUN),
        "common_run": _common_run(content, best),
        "substitution": _substitution(overlap, best, evidence),
    }


def copied_share(stems: Sequence[str], evidence: Evidence, length: int) -> float:
    """Share of the words that stand in a run of `length` which some source has too, function words included: 0..1."""
    if len(stems) < length:
        return 1.0 if tuple(stems) in evidence.runs(len(stems)) else 0.0
    known, copied = evidence.runs(length), np.zeros(len(stems), dtype=bool)
    for start in range(len(stems) - length + 1):
        if tuple(stems[start : start + length]) in known:
            copied[start : start + length] = True
    return float(copied.mean())


def _common_run(words: Sequence[str], sentence: SourceSentence) -> float:
    """Longest run of the claim's words that the sentence has in the same order without a break, as a share."""
    theirs = [token.stem for token in sentence.statement.tokens if token.is_content]
    most = 0
    previous = [0] * (len(theirs) + 1)
    for word in words:
        current = [0] * (len(theirs) + 1)
        for position, other in enumerate(theirs, start=1):
            if word == other:
                current[position] = previous[position - 1] + 1
                most = max(most, current[position])
        previous = current
    return most / max(1, len(words))


def _substitution(overlap: Overlap, best: SourceSentence, evidence: Evidence) -> float:
    """A claim that all but repeats its sentence and yet differs in a word on both sides: a likely swap, 0..1."""
    held = overlap.held[:, best.number]
    share = float(held.mean()) if overlap.words else 0.0
    if share < 0.6 or share == 1.0:
        return 0.0
    wanted = {form for word in overlap.words for form in evidence.forms(word)}
    back = sum(stem in wanted for stem in best.stems) / max(1, len(best.stems))
    return share if 0.5 <= back < 1.0 else 0.0


def _wording(claim: Statement, window: Window, evidence: Evidence) -> dict[str, float]:
    best = evidence.sentences[window.best].statement.text
    negated, their_negation = bool(_NEGATION.search(claim.text)), bool(_NEGATION.search(best))
    compares = bool(_COMPARISON.search(claim.text))
    return {
        "condition_dropped": float(bool(_CONDITION.search(best)) and not _CONDITION.search(claim.text)),
        "negation_differs": float(negated != their_negation),
        "comparison": float(compares),
        "comparison_new": float(compares and not _COMPARISON.search(window.text)),
        "cause": float(bool(_CAUSE.search(claim.text))),
        "hedge": float(bool(_HEDGE.search(claim.text))),
        "about_sources": float(bool(_META.search(claim.text))),
    }


def _setting(claim: Statement, evidence: Evidence) -> dict[str, float]:
    content = sum(token.text.lower() not in STOP_WORDS for token in claim.tokens)
    return {
        "words_log": math.log1p(len(claim.tokens)),
        "content_share": content / max(1, len(claim.tokens)),
        "rows_share": float(evidence.is_tabular),
    }


def _findings(findings: Sequence[Finding]) -> dict[str, float]:
    counts = dict.fromkeys([*_CHECK_GROUPS.values(), "check_other"], 0)
    for finding in findings:
        counts[_CHECK_GROUPS.get(finding.check, "check_other")] += 1
    return {name: math.log1p(count) for name, count in counts.items()} | {
        "check_contradicts": float(any(finding.contradicted for finding in findings)),
        "check_certain": float(any(finding.veto for finding in findings)),
    }
