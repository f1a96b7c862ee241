"""Codes that a text may have, each with the figures that the ranker weighs: known phrases, phrases nearly said, titles."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.tuned.coder_knowledge import MINED_MIN, Knowledge, family
from groundcrew.tuned.coder_phrases import Key, Mention, Text

Floats = npt.NDArray[np.float64]

#: Codes that are candidates for their titles alone; the least shares covered of titles and of phrases.
TITLES_MAX, TITLE_SHARE, PHRASE_SHARE = 40, 0.55, 0.5
#: Codes that are candidates for nearly said phrases alone.
NEAR_MAX = 40
#: What a covered unit of weight adds to a title's share when titles are put in order.
_WEIGHT_BONUS = 0.02
#: A known phrase that goes with a code in fewer of its cases makes no candidate of it.
PRECISION_MIN = 0.05
#: Candidates of one text.
CANDIDATES_MAX = 600
PLACES_MAX = 64

PHRASE = (
    "precision_kind", "precision", "kind", "right_kind", "seen_kind", "right", "seen", "marked", "marked_share", "words",
    "letters",
    "gap", "mentions", "all_mentions", "first", "family_precision", "any_phrase", "phrases", "beaten", "frequency_by_seen",
    "second", "best_kind",
)  # fmt: skip
CODE = ("frequency", "family_best", "phrase_codes", "text_words", "last_sign", "length", "first_sign")
TITLE = (
    "title_share", "title_weight", "title_words", "title_places", "title_spread", "title_rate", "title_rate_least", "title_known",
    "title_known_most", "title_rank", "title_rivals", "title_place_among", "title_rate_most",
)  # fmt: skip
NEAR = (
    "near_share", "near_weight", "near_marked_share", "near_words", "near_known", "near_places", "near_precision", "near_marked",
    "near_known_most", "near_rate",
)  # fmt: skip
FEATURES = PHRASE + CODE + TITLE + NEAR


class Candidates(msgspec.Struct, frozen=True):
    """Codes with a row of figures each, the places of the words that speak for them, and which source spoke."""

    codes: list[str]
    rows: Floats
    places: list[tuple[tuple[int, ...], ...]]
    sources: list[str]


class _Known(msgspec.Struct, frozen=True):
    """A known phrase that speaks for a code."""

    precision_kind: float
    figures: tuple[float, ...]
    kind: int
    seen: float
    mentions: list[Mention]


class _Near(msgspec.Struct, frozen=True):
    """A known phrase that is nearly said."""

    share: float
    weight: float
    figures: tuple[float, float, float, float]
    places: tuple[int, ...]


def candidates(knowledge: Knowledge, text: Text) -> Candidates:
    """The candidates of `text`."""
    if not text.words.stems:
        return Candidates([], np.zeros((0, len(FEATURES))), [], [])
    return _Search(knowledge, text).run()


class _Search:
    def __init__(self, knowledge: Knowledge, text: Text) -> None:
        self.knowledge, self.text = knowledge, text
        self.rates = {stem: knowledge.evidence_rate(stem) for stem in text.places}
        self.best: dict[int, float] = {}

    def run(self) -> Candidates:
        known = self._known()
        for found in known.values():
            found.sort(key=lambda each: -each.precision_kind)
            for each in found:
                for mention in each.mentions:
                    for place in mention.places:
                        self.best[place] = max(self.best.get(place, 0.0), each.precision_kind)
        titles = self._titles()
        order = sorted(titles, key=lambda code: (-titles[code][0] - _WEIGHT_BONUS * titles[code][1], code))
        near = self._near()
        nearest = sorted(near, key=lambda code: (-near[code].share * near[code].weight, code))[:NEAR_MAX]
        likely = {code for code, found in known.items() if found[0].precision_kind >= PRECISION_MIN}
        codes = sorted(likely | set(order[:TITLES_MAX]) | set(nearest))[:CANDIDATES_MAX]
        top: dict[str, list[tuple[float, str]]] = {}
        for code, found in known.items():
            top.setdefault(family(code), []).append((found[0].precision_kind, code))
        rivals: dict[tuple[int, ...], list[str]] = {}
        for code in order:
            rivals.setdefault(titles[code][3], []).append(code)
        rank = {code: at for at, code in enumerate(order)}
        rows, places, sources = [], [], []
        for code in codes:
            frequency = self._frequency(code)
            row = self._phrase_row(known.get(code), frequency)
            kin = max((value for value, other in top.get(family(code), ()) if other != code), default=0.0)
            row += [frequency, kin, len(known), len(self.text.words.stems), _sign(code[-1]), len(code), _sign(code[0])]
            title = titles.get(code)
            if title is None:
                row += [0.0] * 9 + [500.0, 0.0, 0.0, 0.0]
            else:
                among = rivals[title[3]]
                row += self._title_row(title, rank[code], len(among), among.index(code))
            row += self._near_row(near.get(code))
            rows.append(row)
            evidence, source = _evidence(known.get(code), near.get(code), title[3] if title else ())
            places.append(evidence)
            sources.append(source)
        return Candidates(codes, np.array(rows, dtype=np.float64).reshape(len(codes), len(FEATURES)), places, sources)

    def _frequency(self, code: str) -> float:
        return float(self.knowledge.tongue.codes.get(code, 0))

    def _marked(self, key: Key) -> dict[str, int]:
        """The codes of a phrase with the cases that speak for them, those left out for which too few do."""
        found = self.knowledge.phrases[key].codes.items()
        return {code: count.marked for code, count in found if count.marked >= (MINED_MIN if count.mined else 1)}

    def _counts(self, key: Key, code: str) -> tuple[list[int], list[int]]:
        """Cases that hold the phrase, and those of them with the code, by kind of mention."""
        phrase = self.knowledge.phrases[key]
        return phrase.seen, phrase.codes[code].right

    def _known(self) -> dict[str, list[_Known]]:
        found: dict[str, list[_Known]] = {}
        marked_of: dict[Key, dict[str, int]] = {}

        def wanted(key: Key) -> bool:
            marked_of[key] = self._marked(key)
            return bool(marked_of[key])

        length = len(self.text.words.stems)
        for key, mentions in self.knowledge.finder.find(self.text, wanted).items():
            marked, kind = marked_of[key], mentions[0].kind
            total = sum(marked.values())
            gap = float(min(mention.gap for mention in mentions))
            whole = float(sum(mention.kind == 0 for mention in mentions))
            first = min(mention.places[0] for mention in mentions) / length
            for code, count in marked.items():
                seen, right = self._counts(key, code)
                precision = (sum(right) + 0.3) / (sum(seen) + 1)
                of_kind = (right[kind] + 0.6 * precision) / (seen[kind] + 0.6)
                kin = self.knowledge.phrases[key].families.get(family(code), 0)
                figures = (
                    of_kind, precision, kind, right[kind], seen[kind], sum(right), sum(seen), count, count / total, len(key),
                    sum(map(len, key)), gap, whole, len(mentions), first, (kin + 0.3) / (sum(seen) + 1),
                )  # fmt: skip
                known = _Known(of_kind, tuple(map(float, figures)), kind, float(sum(seen)), mentions)
                found.setdefault(code, []).append(known)
        return found

    def _phrase_row(self, known: list[_Known] | None, frequency: float) -> list[float]:
        if not known:
            return [0.0, 0.0, 9.0] + [0.0] * (len(PHRASE) - 3)
        first = known[0]
        any_phrase = 1.0 - float(np.prod([1.0 - each.precision_kind for each in known]))
        highest = min(max(self.best[place] for place in mention.places) for mention in first.mentions)
        second = known[1].precision_kind if len(known) > 1 else 0.0
        return [
            *first.figures, any_phrase, len(known), highest - first.precision_kind, frequency / max(1.0, first.seen), second,
            float(min(each.kind for each in known)),
        ]  # fmt: skip

    def _titles(self) -> dict[str, tuple[float, float, int, tuple[int, ...]]]:
        """Code → share and weight covered, words of the title, places in the text."""
        knowledge = self.knowledge
        hits = knowledge.title_index.search(
            self.text.words, knowledge.skipped, lambda stem: knowledge.like_titles(stem, self.rates[stem]), TITLE_SHARE
        )
        found: dict[str, tuple[float, float, int, tuple[int, ...]]] = {}
        for hit in hits:
            code = knowledge.titles.codes[hit.entry]
            title = (hit.share, hit.weight, hit.size, hit.places)
            if code not in found or (hit.share >= found[code][0] - 1e-9 and hit.size > found[code][2]):
                found[code] = title
        return found

    def _title_row(self, title: tuple[float, float, int, tuple[int, ...]], rank: int, rivals: int, among: int) -> list[float]:
        share, weight, size, places = title
        rates = [self.rates[self.text.words.stems[place]] for place in places]
        known = [self.best.get(place, 0.0) for place in places]
        return [
            share, weight, size, len(places), places[-1] - places[0], sum(rates) / len(rates), min(rates), min(known), max(known),
            rank, rivals, among, max(rates),
        ]  # fmt: skip

    def _near(self) -> dict[str, _Near]:
        knowledge = self.knowledge
        found: dict[str, _Near] = {}
        hits = knowledge.near.search(self.text.words, knowledge.skipped, knowledge.like_phrases, PHRASE_SHARE)
        for hit in hits:
            if hit.share > 0.999:
                continue
            key = knowledge.keys[hit.entry]
            marked = self._marked(key)
            total = sum(marked.values())
            for code, count in marked.items():
                before = found.get(code)
                if before is not None and (before.share, before.weight) >= (hit.share, hit.weight):
                    continue
                seen, right = self._counts(key, code)
                precision = (sum(right) + 0.3) / (sum(seen) + 1)
                figures = (count / total, float(len(key)), precision, float(count))
                found[code] = _Near(hit.share, hit.weight, figures, hit.places)
        return found

    def _near_row(self, near: _Near | None) -> list[float]:
        if near is None:
            return [0.0] * len(NEAR)
        known = [self.best.get(place, 0.0) for place in near.places]
        rates = [self.rates[self.text.words.stems[place]] for place in near.places]
        marked_share, words, precision, marked = near.figures
        return [
            near.share, near.weight, marked_share, words, min(known), len(near.places), precision, marked, max(known),
            sum(rates) / len(rates),
        ]  # fmt: skip


def _sign(letter: str) -> float:
    return float(min(ord(letter), 0x3000))


def _evidence(
    known: Sequence[_Known] | None, near: _Near | None, title: tuple[int, ...]
) -> tuple[tuple[tuple[int, ...], ...], str]:
    """The places of each mention, the best source's, and that source."""
    if known:
        found = [mention.places for each in known for mention in each.mentions]
        return tuple(dict.fromkeys(found))[:PLACES_MAX], "phrase"
    if near is not None:
        return (near.places,), "near"
    return (title,) if title else (), "title"
