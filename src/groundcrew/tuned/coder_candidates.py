"""Codes that a text may have, each with the figures that the ranker weighs: known phrases, terms, both nearly said, titles."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.tuned.coder_cues import CUES, Cues
from groundcrew.tuned.coder_knowledge import MINED_MIN, Knowledge, family
from groundcrew.tuned.coder_phrases import Key, Mention, Text
from groundcrew.tuned.coder_terms import TERM, Said, capitals, in_order, said

Floats = npt.NDArray[np.float64]

#: Codes that are candidates for their titles alone; the least shares covered of titles and of phrases.
TITLES_MAX, TITLE_SHARE, PHRASE_SHARE = 40, 0.55, 0.5
#: Codes that are candidates for nearly said phrases alone.
NEAR_MAX = 40
#: What a covered unit of weight adds to a title's share when titles are put in order.
_WEIGHT_BONUS = 0.02
#: Codes that are candidates for their terms alone.
TERMS_MAX = 60
#: The least share covered of a term that is nearly said, and codes that are candidates for such alone.
TERM_SHARE, NEAR_TERMS_MAX = 0.6, 40
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
NEAR_TERM = (
    "near_term_share", "near_term_weight", "near_term_words", "near_term_known_least", "near_term_known_most", "near_term_places",
    "near_term_rate", "near_term_evidence", "near_term_evidence_least", "near_term_spread", "near_term_codes", "near_term_source",
)  # fmt: skip
FEATURES = PHRASE + CODE + TITLE + NEAR + TERM + NEAR_TERM + CUES


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
        known, terms = self._found()
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
        for matched in terms.values():
            matched.sort(key=lambda each: (-each.weight, each.named.key))
        termed = sorted(terms, key=lambda code: (-terms[code][0].weight, code))[:TERMS_MAX]
        term_rank = self._term_ranks(terms)
        near_terms = self._near_terms()
        nearest_terms = sorted(near_terms, key=lambda code: (-near_terms[code].share * near_terms[code].weight, code))
        likely = {code for code, found in known.items() if found[0].precision_kind >= PRECISION_MIN}
        codes = sorted(likely | set(order[:TITLES_MAX]) | set(nearest) | set(termed) | set(nearest_terms[:NEAR_TERMS_MAX]))[
            :CANDIDATES_MAX
        ]
        top: dict[str, list[tuple[float, str]]] = {}
        for code, found in known.items():
            top.setdefault(family(code), []).append((found[0].precision_kind, code))
        rivals: dict[tuple[int, ...], list[str]] = {}
        for code in order:
            rivals.setdefault(titles[code][3], []).append(code)
        rank = {code: at for at, code in enumerate(order)}
        cues = Cues(self.text.words)
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
            row += self._term_row(code, terms.get(code), term_rank.get(code, 0))
            row += self._near_term_row(code, near_terms.get(code))
            nearly = near.get(code) or near_terms.get(code)
            evidence, source = _evidence(known.get(code), terms.get(code), nearly, title[3] if title else ())
            rows.append(row + cues.of(evidence))
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

    def _found(self) -> tuple[dict[str, list[_Known]], dict[str, list[Said]]]:
        """Code → the known phrases that speak for it; code → its terms that the text says."""
        found: dict[str, list[_Known]] = {}
        terms: dict[str, list[Said]] = {}
        marked_of: dict[Key, dict[str, int]] = {}

        def wanted(key: Key) -> bool:
            marked_of[key] = self._marked(key) if key in self.knowledge.phrases else {}
            return bool(marked_of[key]) or key in self.knowledge.terms

        length = len(self.text.words.stems)
        for key, mentions in self.knowledge.finder.find(self.text, wanted).items():
            if key in self.knowledge.terms:
                for code, each in said(self.knowledge.terms[key], mentions, self.knowledge.trust):
                    terms.setdefault(code, []).append(each)
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
        return found, terms

    def _term_ranks(self, terms: dict[str, list[Said]]) -> dict[str, int]:
        """Code → its place among the codes that share its best term, those with most cases first."""
        found = {}
        for code, matched in terms.items():
            rivals = [other for other in matched[0].named.codes if other != code]
            own = (self._frequency(code), self._kin_cases(code))
            found[code] = sum((self._frequency(other), self._kin_cases(other)) > own for other in rivals)
        return found

    def _kin_cases(self, code: str) -> int:
        return self.knowledge.family_cases.get(family(code), 0)

    def _term_row(self, code: str, matched: list[Said] | None, rank: int) -> list[float]:
        kin_cases = float(self._kin_cases(code))
        if not matched:
            return [0.0, 9.0] + [0.0] * (len(TERM) - 4) + [kin_cases, 0.0]
        trust, text = self.knowledge.trust, self.text
        first, named = matched[0], matched[0].named
        letter, kin, own = trust.of(code, named.sources[first.at])
        places = first.mentions[0].places
        known = [self.best.get(place, 0.0) for place in places]
        rates = [self.rates[text.words.stems[place]] for place in places]
        return [
            first.rate, float(first.mentions[0].kind), float(min(each.gap for each in first.mentions)), float(len(named.key)),
            float(sum(map(len, named.key))), float(len(named.codes)), float(named.seen),
            float(named.right[first.at] if named.seen else 0), trust.kin(named, first.at), own, kin, letter, float(len(matched)),
            float(sum(len(each.mentions) for each in matched)), places[0] / len(text.words.stems), float(in_order(text, first)),
            max(known), min(known), max(rates), min(rates), float(capitals(text.words, first.mentions[0])),
            matched[1].rate if len(matched) > 1 else 0.0, float(rank), float(named.sources[first.at]), kin_cases,
            sum(self.knowledge.rarity(stem) for stem in named.key),
        ]  # fmt: skip

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

    def _near_terms(self) -> dict[str, _Near]:
        knowledge = self.knowledge
        found: dict[str, _Near] = {}
        for hit in knowledge.near_terms.search(self.text.words, knowledge.skipped, knowledge.like_terms, TERM_SHARE):
            if hit.share > 0.999:
                continue
            named = knowledge.terms[knowledge.term_keys[hit.entry]]
            for code, source in zip(named.codes, named.sources, strict=True):
                before = found.get(code)
                if before is None or (before.share, before.weight) < (hit.share, hit.weight):
                    figures = (float(len(named.key)), knowledge.trust.of(code, source)[2], float(len(named.codes)), float(source))
                    found[code] = _Near(hit.share, hit.weight, figures, hit.places)
        return found

    def _near_term_row(self, code: str, near: _Near | None) -> list[float]:
        if near is None:
            return [0.0] * len(NEAR_TERM)
        known = [self.best.get(place, 0.0) for place in near.places]
        rates = [self.rates[self.text.words.stems[place]] for place in near.places]
        words, rate, codes, source = near.figures
        return [
            near.share, near.weight, words, min(known), max(known), len(near.places), rate, sum(rates) / len(rates), min(rates),
            near.places[-1] - near.places[0], codes, source,
        ]  # fmt: skip


def _sign(letter: str) -> float:
    return float(min(ord(letter), 0x3000))


def _evidence(
    known: Sequence[_Known] | None, terms: Sequence[Said] | None, near: _Near | None, title: tuple[int, ...]
) -> tuple[tuple[tuple[int, ...], ...], str]:
    """The places of each mention, the best source's, and that source."""
    if known:
        found = [mention.places for each in known for mention in each.mentions]
        return tuple(dict.fromkeys(found))[:PLACES_MAX], "phrase"
    if terms:
        found = [mention.places for each in terms for mention in each.mentions]
        return tuple(dict.fromkeys(found))[:PLACES_MAX], "term"
    if near is not None:
        return (near.places,), "near"
    return (title,) if title else (), "title"
