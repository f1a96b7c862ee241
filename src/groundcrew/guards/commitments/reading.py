"""Reads a sentence: its language, figures and phrases, and its clauses with who speaks in them and how firmly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from groundcrew.guards.commitments.figures import Figure, read, words_of
from groundcrew.guards.commitments.language import Language, language_of
from groundcrew.guards.commitments.words import Hit, word_set

CommitmentKind = Literal["refund", "credit", "waiver", "discount", "free", "price", "deadline", "guarantee", "terms", "contract"]

#: Kind → the stem of its phrases' tags, the most telling first.
MONEY_KINDS: tuple[tuple[CommitmentKind, str], ...] = (
    ("refund", "REFUND"),
    ("waiver", "WAIVE"),
    ("credit", "CREDIT"),
    ("discount", "DISCOUNT"),
    ("free", "FREE"),
)
_KIND_TAGS = frozenset(f"{stem}_{strength}" for _, stem in MONEY_KINDS for strength in "VNS") | frozenset(
    ("OWNED", "GUARANTEE_S", "CONTRACT_S", "TERMS_S")
)
#: Words after a comma that go on with what was said before it.
_GOES_ON = word_set("dass that que qu qui che which who whether ob cui dont der die das welche welcher welches")
#: Words that begin an aside, whose denial is its own: "we refund you, no paperwork required".
_ASIDE = word_set("no without sans ohne senza ganz aucun aucune nessun nessuna")
#: Words that begin a clause about the firm's own things.
_OURS = word_set("our my notre nos mon ma il the this these dieser diese dieses cette ce ces questo questa")
#: Words after which "refund", "credit" and "discount" are verbs.
_VERB_LEADS = word_set("will shall to we i can gladly fully also then immediately hereby happily and gerne")


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """Words `start` to `end` of a sentence and what the phrases in them say."""

    start: int
    end: int
    tags: frozenset[str]
    conditional: bool = False
    negated: bool = False
    reported: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence that was read. `start` and `end` are its place in the text."""

    start: int
    end: int
    language: Language
    raw: tuple[str, ...]
    words: tuple[str, ...]
    figures: tuple[Figure, ...]
    hits: tuple[Hit, ...]
    clauses: tuple[Clause, ...]
    question: bool
    item: bool = False
    opens: bool = False
    heading: bool = False

    def has(self, tag: str) -> bool:
        """Whether a phrase with this tag is anywhere in the sentence."""
        return any(each.tag == tag for each in self.hits)

    def figures_in(self, start: int, end: int, *kinds: str) -> list[Figure]:
        """The figures of these kinds in words `start` to `end`."""
        return [each for each in self.figures if start <= each.at < end and each.kind in kinds]


def read_sentence(
    text: str, start: int, end: int, before: Language | None, *, item: bool = False, opens: bool = False, heading: bool = False
) -> Reading:
    """Read `text[start:end]`; `before` is the language of the sentence before."""
    raw = words_of(text[start:end])
    language = language_of(raw, before)
    marked, figures = read(raw)
    hits = _cleaned(language.phrases.find(marked), marked)
    question = "?" in marked[-3:]
    return Reading(
        start=start,
        end=end,
        language=language,
        raw=tuple(raw),
        words=tuple(marked),
        figures=tuple(figures),
        hits=tuple(hits),
        clauses=tuple(_clauses(marked, hits)),
        question=question,
        item=item,
        opens=opens,
        heading=heading,
    )


def _cleaned(hits: list[Hit], words: Sequence[str]) -> list[Hit]:
    """Without what a neutral phrase ("refund form", "no problem") takes the meaning from, and what a pledge makes firm."""
    neutral = [each for each in hits if each.tag == "NEUTRAL"]
    pledged = [each for each in hits if each.tag == "PLEDGED"]
    kept = []
    for hit in hits:
        if hit.tag == "NEUTRAL":
            continue
        if any(each.start <= hit.start < each.end for each in neutral):
            continue
        if hit.tag == "WEAK" and any(each.start - 1 <= hit.start < each.end for each in pledged):
            continue
        if hit.tag == "NEGATION" and any(
            each.denies and each.tag in _KIND_TAGS and each.start <= hit.start <= each.end for each in hits
        ):
            continue
        kept.append(hit)
    # One word for both ("refund", "rimborso"): a verb after "we will" and the like, otherwise a noun.
    nouns = {(each.tag[:-2], each.start) for each in kept if each.tag.endswith("_N")}
    return [
        each
        for each in kept
        if not (
            each.tag.endswith("_V")
            and (each.tag[:-2], each.start) in nouns
            and each.end - each.start == 1
            and not (each.start and words[each.start - 1] in _VERB_LEADS)
        )
    ]


def _clauses(words: Sequence[str], hits: Sequence[Hit]) -> list[Clause]:
    """Cuts a sentence where another subject, a condition or a contrast begins."""
    subjects = {each.start for each in hits if each.tag in ("FIRM", "YOU")}
    contrasts = {each.start for each in hits if each.tag == "BUT"}
    conditions = {each.start for each in hits if each.tag == "CONDITION"}
    joins = {each.start for each in hits if each.tag == "AND"}
    cuts: list[tuple[int, bool]] = [(0, 0 in conditions)]
    for index in range(1, len(words)):
        word, conditional = words[index], cuts[-1][1]
        if index in conditions:
            cuts.append((index, True))
        elif word in (";", ":", "(", ")", "!", "?", "-", '"') or index in contrasts:
            cuts.append((index, False))
        elif word == ",":
            following = words[index + 1] if index + 1 < len(words) else ""
            near = any(place in subjects or place in joins for place in (index + 1, index + 2))
            near = near or following in _ASIDE or following in _OURS or following.startswith("unser")
            if conditional or (near and following not in _GOES_ON):
                cuts.append((index, False))
        elif index in joins and not conditional and (index + 1 in subjects or index + 1 in contrasts):
            cuts.append((index, False))
    reported = False
    clauses: list[Clause] = []
    ends = [start for start, _ in cuts[1:]] + [len(words)]
    for (start, conditional), end in zip(cuts, ends, strict=True):
        tags = frozenset(each.tag for each in hits if start <= each.start < end)
        reported = "WISH" in tags or (reported and words[start] in ('"', ":") and '"' in words)
        clauses.append(
            Clause(
                start=start,
                end=end,
                tags=tags,
                conditional=conditional,
                negated="NEGATION" in tags,
                reported=reported,
            )
        )
    return clauses
