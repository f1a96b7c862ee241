"""Counts what cases say of phrases, words and codes of one language: the coder's memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from groundcrew.tuned.coder_index import Index
from groundcrew.tuned.coder_knowledge import MINED_MIN, Count, Entry, Knowledge, Phrase, Titles, Tongue, family
from groundcrew.tuned.coder_phrases import GAP_MAX, Key, Mention, Phrases, Text, key_of, prepare
from groundcrew.tuned.coder_terms import Named, named_terms
from groundcrew.tuned.coder_text import Words
from groundcrew.tuning.coder_parallel import common

#: A stem that stands in so many of the texts and has at most so many letters carries no phrase.
SKIPPED_SHARE, SKIPPED_LETTERS = 0.3, 4
#: But where it is evidence in such a share of the places where it stands ("pain"; "of" in one of a hundred).
EVIDENCE_SHARE = 0.15
#: Stems that tell a language.
FREQUENT = 400
#: Words of a phrase; longer evidence is a sentence that no other text repeats.
PHRASE_WORDS_MAX = 10
#: Phrases for a code that nobody marked evidence for: words, least share of its cases that have the code, how many are kept.
MINED_WORDS, MINED_PRECISION, MINED_KEPT = 3, 0.35, 6


class Case(msgspec.Struct, frozen=True):
    """One example of a language: its words, its codes, and its evidence as places of words for each code."""

    words: Words
    labels: frozenset[str]
    evidence: tuple[tuple[str, tuple[int, ...]], ...]


class Counted(msgspec.Struct, frozen=True):
    """A language's counts, and the phrases with codes that each of the cases gave."""

    tongue: Tongue
    pairs: list[set[tuple[Key, str]]]


def skipped_words(cases: Sequence[Case]) -> frozenset[str]:
    """Stems of the cases that carry no phrase: short and in many texts, and seldom evidence where they stand."""
    skipped = common([case.words for case in cases], SKIPPED_SHARE, SKIPPED_LETTERS)
    held = Counter(stem for case in cases for stem in case.words.stems if stem in skipped)
    evidence = Counter(
        case.words.stems[place] for case in cases for place in {place for _, places in case.evidence for place in places}
    )
    return frozenset(stem for stem in skipped if evidence[stem] < EVIDENCE_SHARE * held[stem])


def count(
    language: str,
    cases: Sequence[Case],
    identity: float,
    names: Sequence[Mapping[str, Sequence[tuple[str, ...]]]],
    tick: Callable[[], None] = lambda: None,
) -> Counted:
    """The counts of `cases`, all in one language; `names` is what codes are called in it, by source (`coder_names`)."""
    skipped = skipped_words(cases)
    texts = [prepare(case.words, skipped) for case in cases]
    held = Counter(stem for text in texts for stem in text.places)
    marked = [_marked(case, skipped) for case in cases]
    # Where people marked evidence, what they marked is better than what goes with a code by chance.
    mined = not any(marked)
    pairs = _mine(cases, texts) if mined else marked
    phrases: dict[Key, Phrase] = {}
    for each in pairs:
        for key, code in sorted(each):
            phrases.setdefault(key, Phrase()).codes.setdefault(code, Count(mined=mined)).marked += 1
    named = {each.key: each for each in named_terms(names, skipped, PHRASE_WORDS_MAX)}
    finder = Phrases(sorted({*phrases, *named}), held)
    for case, text in zip(cases, texts, strict=True):
        tick()
        found = finder.find(text)
        _add(phrases, found, case)
        _add_terms(named, found, case)
    evidence = Counter(stem for each in marked for stem in {stem for key, _ in each for stem in key})
    frequent = Counter(stem for case in cases for stem in set(case.words.stems))
    tongue = Tongue(
        language=language,
        cases=len(cases),
        skipped=sorted(skipped),
        frequent=[stem for stem, _ in sorted(frequent.items(), key=lambda pair: (-pair[1], pair[0]))[:FREQUENT]],
        phrases=[Entry(key, phrases[key]) for key in sorted(phrases)],
        stems={stem: (held[stem], evidence[stem]) for stem in sorted(held) if held[stem] > 1 or evidence[stem]},
        translations={},
        synonyms={},
        codes=dict(sorted(Counter(code for case in cases for code in case.labels).items())),
        identity=identity,
        terms=list(named.values()),
    )
    return Counted(tongue, pairs)


def knowledge(counted: Counted, titles: Titles, index: Index | None = None) -> Knowledge:
    """The counts ready to be asked."""
    return Knowledge(counted.tongue, titles, index)


def _add(phrases: dict[Key, Phrase], found: dict[Key, list[Mention]], case: Case) -> None:
    """Counts one case's phrases, each by its best kind of mention."""
    families = {family(code) for code in case.labels}
    for key, mentions in found.items():
        if key not in phrases:
            continue
        kind = mentions[0].kind
        phrase = phrases[key]
        phrase.seen[kind] += 1
        for code, counted in phrase.codes.items():
            counted.right[kind] += code in case.labels
        for kin in {family(code) for code in phrase.codes} & families:
            phrase.families[kin] = phrase.families.get(kin, 0) + 1


def _add_terms(terms: dict[Key, Named], found: dict[Key, list[Mention]], case: Case) -> None:
    """Counts one case's terms that it says in one piece, and not as part of a longer phrase."""
    families = {family(code) for code in case.labels}
    for key, mentions in found.items():
        named = terms.get(key)
        if named is None or mentions[0].kind:
            continue
        if not named.seen:
            named.right, named.kin = [0] * len(named.codes), [0] * len(named.codes)
        named.seen += 1
        for at, code in enumerate(named.codes):
            named.right[at] += code in case.labels
            named.kin[at] += family(code) in families


def _marked(case: Case, skipped: frozenset[str]) -> set[tuple[Key, str]]:
    """Phrases that people marked for a code."""
    found: set[tuple[Key, str]] = set()
    for code, places in case.evidence:
        stems = [case.words.stems[place] for place in places]
        key = key_of(stems, skipped)
        if key and len(key) <= PHRASE_WORDS_MAX:
            found.add((key, code))
    return found


def _mine(cases: Sequence[Case], texts: Sequence[Text]) -> list[set[tuple[Key, str]]]:
    """Of each case: its phrases that go with one of its codes."""
    grams = [_grams(text) for text in texts]
    chosen = _chosen(cases, grams)
    return [
        {(gram, code) for code in case.labels for gram in chosen.get(code, ()) if gram in held}
        for case, held in zip(cases, grams, strict=True)
    ]


def _chosen(cases: Sequence[Case], grams: Sequence[set[Key]]) -> dict[str, set[Key]]:
    """Code → the phrases that go with it best."""
    frequency = Counter(code for case in cases for code in case.labels)
    times = Counter(gram for each in grams for gram in each)
    both: dict[str, Counter[Key]] = {}
    for case, each in zip(cases, grams, strict=True):
        for code in sorted(case.labels):
            if frequency[code] >= MINED_MIN:
                both.setdefault(code, Counter()).update(gram for gram in each if times[gram] >= MINED_MIN)
    kept: dict[str, set[Key]] = {}
    for code, found in both.items():
        good = [(count, gram) for gram, count in found.items() if count >= MINED_MIN and count / times[gram] >= MINED_PRECISION]
        good.sort(key=lambda pair: (-(pair[0] ** 2) / times[pair[1]], len(pair[1]), pair[1]))
        kept[code] = {gram for _, gram in good[:MINED_KEPT]}
    return kept


def _grams(text: Text) -> set[Key]:
    """One to `MINED_WORDS` words in a row that carry meaning, in one sentence."""
    places = sorted(place for each in text.places.values() for place in each)
    found: set[Key] = set()
    for at, first in enumerate(places):
        for last in range(at, min(at + MINED_WORDS, len(places))):
            if text.words.sentence[places[last]] != text.words.sentence[first]:
                break
            found.add(tuple(sorted({text.words.stems[place] for place in places[at : last + 1]})))
    return found


def evidence_places(words: Words, spans: Sequence[tuple[str, int, int]]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The words that the spans of each label mark. What is said in several pieces comes as several spans: those of one label that
    stand close in a sentence and share no word are taken as one."""
    pieces: dict[str, set[tuple[int, ...]]] = {}
    for label, start, end in spans:
        places = tuple(at for at, (left, right) in enumerate(words.spans) if left < end and right > start)
        if places:
            pieces.setdefault(label, set()).add(places)
    return tuple((label, places) for label in sorted(pieces) for places in _joined(words, sorted(pieces[label])))


def _joined(words: Words, pieces: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for piece in pieces:
        if found:
            before = found[-1]
            near = 0 <= piece[0] - before[-1] <= GAP_MAX and words.sentence[before[0]] == words.sentence[piece[0]]
            if near and not {words.stems[place] for place in before} & {words.stems[place] for place in piece}:
                found[-1] = tuple(sorted({*before, *piece}))
                continue
        found.append(piece)
    return found
